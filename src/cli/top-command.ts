import { setTimeout as pause } from 'node:timers/promises';
import type { Activity } from '../application/health/get-activity.ts';
import type { Baton } from '../composition.ts';
import { callContext, type AddCommand, type Invocation } from './cli.ts';
import { valueOf } from './cli-failure.ts';
import { durationOption } from './duration-option.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { topFrame } from './top-view.ts';

const DEFAULT_INTERVAL_MS = 1_000;
const INTERVAL_BOUNDS = { minMs: 200, maxMs: 3_600_000 };
const CTRL_C = '\u0003';

export const addTopCommand: AddCommand = (program, action) => {
  program
    .command('top')
    .description('watch queues, workers, leases and rates live (q leaves); once where nobody looks')
    .option('--once', 'print one sample, as --json does')
    .option('--interval <duration>', 'between two samples, 200ms or more (default: 1s)')
    .action(action(top));
};

async function top(invocation: Invocation): Promise<ExitCode> {
  const { terminal, cli } = invocation;
  const intervalMs = durationOption(invocation, 'interval', INTERVAL_BOUNDS);
  const isLive = terminal.isInteractive && !invocation.flag('once');
  if (isLive) cli.interruption.listen();
  return invocation.withBaton(async (baton) => {
    if (isLive) return watchLive(invocation, baton, intervalMs ?? DEFAULT_INTERVAL_MS);
    const activity = valueOf(await baton.application.getActivity(callContext(baton), {}));
    terminal.json(documentOf(activity));
    terminal.line(topFrame(terminal, activity, { columns: Infinity, rows: Infinity }));
    return EXIT.ok;
  });
}

/** Until q, Ctrl-C or a signal. A store that is away for a while ends nothing. */
async function watchLive(
  { terminal, cli }: Invocation,
  baton: Baton,
  intervalMs: number,
): Promise<ExitCode> {
  const { signal } = cli.interruption;
  const { default: logUpdate } = await import('log-update');
  const leave = listenForKeys(() => cli.interruption.abort());
  let frame = '';
  try {
    for (;;) {
      const sample = await baton.application.getActivity(callContext(baton), {});
      if (sample.ok) frame = topFrame(terminal, sample.value, process.stdout);
      const lost = sample.ok ? '' : `\n\n${sample.error.message}`;
      logUpdate(terminal.visible(frame + lost));
      await pause(intervalMs, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    return EXIT.ok;
  } finally {
    // The last sample stays on the screen.
    logUpdate.done();
    leave();
  }
}

/** Answers how to give the keyboard back. */
function listenForKeys(onLeave: () => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => undefined;
  const onKeys = (keys: Buffer): void => {
    const text = keys.toString();
    if (text.includes('q') || text.includes(CTRL_C)) onLeave();
  };
  stdin.setRawMode(true);
  stdin.on('data', onKeys);
  return () => {
    stdin.off('data', onKeys);
    stdin.setRawMode(false);
    stdin.pause();
  };
}

function documentOf({ atMs, status, reasons, queues, workers, leases, rates }: Activity): unknown {
  return {
    at: new Date(atMs).toISOString(),
    status,
    reasons,
    per_second: rates === undefined ? null : { steps: rates.steps, workflows: rates.runs },
    queues: queues.map(({ queue, waiting, leased, oldestWaitingSinceMs }) => ({
      queue,
      waiting,
      leased,
      ...(oldestWaitingSinceMs !== undefined && {
        oldest_waiting_since: new Date(oldestWaitingSinceMs).toISOString(),
      }),
    })),
    workers: workers.map(({ workerId, host, pid, queues: served, busy, limit, startedAtMs }) => ({
      worker_id: workerId,
      host,
      pid,
      queues: served,
      busy,
      limit,
      started_at: new Date(startedAtMs).toISOString(),
    })),
    leases: leases.map(({ runId, step, workerId, heldMs }) => ({
      run_id: runId,
      step,
      worker_id: workerId,
      held_ms: heldMs,
    })),
  };
}
