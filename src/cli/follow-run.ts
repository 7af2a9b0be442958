import type { Reason } from '../application/commands/reason.ts';
import type { WorkflowView } from '../application/runs/get-workflow.ts';
import { isFinished } from '../domain/lifecycle.ts';
import type { Baton } from '../composition.ts';
import { DEFAULT_TENANT } from '../application/access/access.ts';
import { callContext, type Invocation } from './cli.ts';
import { valueOf } from './cli-failure.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { createLiveView } from './live-view.ts';
import type { RunDisplay } from './run-display.ts';
import { attentionLines, eventText } from './run-lines.ts';
import { printRun } from './show-command.ts';

/** Looks again at least this often: claims of steps are not announced, and durations grow. */
const LOOK_EVERY_MS = 250;
/** Pause between two looks, so that a busy run does not fill the terminal. */
const SETTLE_MS = 50;
const EVENTS_PER_PAGE = 100;

/**
 * Follows a run to its end: a live view at a terminal, else a line an event (with `--json` one JSON line an event and
 * the run at the end). Changes nothing; interrupting it leaves the run as it is. Answers how the run ended.
 */
export async function followRun(
  invocation: Invocation,
  baton: Baton,
  runId: string,
): Promise<ExitCode> {
  const { signal } = invocation.cli.interruption;
  const changes = createChangeWatch(baton, runId);
  const show = invocation.terminal.isInteractive
    ? await createLiveView(invocation.terminal)
    : createEventPrinter(invocation, baton, runId);
  try {
    for (;;) {
      const seen = changes.mark();
      const view = valueOf(
        await baton.application.getWorkflow(callContext(baton), { run_id: runId }),
      );
      await show.update(view);
      if (isFinished(view.status) || signal.aborted) {
        await show.end(view);
        return signal.aborted && !isFinished(view.status) ? leave(invocation, runId) : endOf(view);
      }
      await changes.next(seen, signal);
    }
  } finally {
    changes.stop();
  }
}

function endOf({ status }: WorkflowView): ExitCode {
  if (status === 'failed') return EXIT.runFailed;
  return status === 'cancelled' ? EXIT.runCancelled : EXIT.ok;
}

function leave({ terminal }: Invocation, runId: string): ExitCode {
  terminal.note(`Stopped watching; the run was not changed. baton watch ${runId} goes on.`);
  return EXIT.interrupted;
}

interface ChangeWatch {
  mark(): number;
  /** Resolves when something changed after the mark, when it is time to look again, or when the signal aborts. */
  next(mark: number, signal: AbortSignal): Promise<void>;
  stop(): void;
}

/** Subscribes at once: what changes while the first look is under way counts as new. */
function createChangeWatch({ store, ports: { clock } }: Baton, runId: string): ChangeWatch {
  let changes = 0;
  let wake: () => void = () => undefined;
  const stop = store.onChange(({ key }) => {
    if (key !== undefined && (key.runId !== runId || key.tenant !== DEFAULT_TENANT)) return;
    changes += 1;
    wake();
  });
  return {
    stop,
    mark: () => changes,
    async next(mark, signal) {
      const changed = new AbortController();
      wake = () => changed.abort();
      const either = AbortSignal.any([changed.signal, signal]);
      if (changes === mark) await clock.sleep(LOOK_EVERY_MS, either);
      await clock.sleep(SETTLE_MS, signal);
    },
  };
}

function createEventPrinter(invocation: Invocation, baton: Baton, run_id: string): RunDisplay {
  const { terminal } = invocation;
  let from = 1;
  let lastAttention = '';
  const printEvents = async (): Promise<void> => {
    for (let more = true; more;) {
      const page = valueOf(
        await baton.application.getWorkflowHistory(callContext(baton), {
          run_id,
          from,
          limit: EVENTS_PER_PAGE,
        }),
      );
      for (const event of page.events) {
        terminal.json({ event });
        terminal.line(eventText(terminal, event));
      }
      from += page.events.length;
      more = page.next_from !== undefined;
    }
  };
  const printAttention = (attention: readonly Reason[]): void => {
    const mark = JSON.stringify(attention);
    if (mark === lastAttention) return;
    lastAttention = mark;
    terminal.json({ attention });
    for (const line of attentionLines(terminal, attention)) terminal.line(line);
  };
  return {
    async update(view) {
      await printEvents();
      printAttention(view.attention);
    },
    async end(view) {
      terminal.json({ run: view });
      await printRun(terminal, view);
    },
  };
}
