import { z } from 'zod';
import { isFinished } from '../../domain/lifecycle.ts';
import { readEvent } from '../../domain/upcast.ts';
import type { RunKey } from '../../ports/run-store.ts';
import { MAX_WAIT_SECONDS, digestOf, runIdSchema, wholeNumberSchema } from '../call-arguments.ts';
import { eventLine, type EventLine } from './event-line.ts';
import { translatingErrors } from '../commands/outcome-error.ts';
import type { Reason } from '../commands/reason.ts';
import { needsSomebody, reasonsOf } from './run-reasons.ts';
import { readSituation } from './run-situation.ts';
import { nextCalls, summariseRun, type RunProgress, type RunSummary } from './run-view.ts';
import { newCursor } from '../new-cursor.ts';
import type { ApplicationPorts, CallContext, UseCaseResult } from '../use-case.ts';
import { waitForRun } from './wait-for-run.ts';

const DEFAULT_TIMEOUT_SECONDS = 20;
/** Newest events shown of one answer; older ones are counted. */
const MAX_EVENTS = 100;

export const awaitWorkflowInputSchema = z.object({
  run_id: runIdSchema,
  cursor: z.string().optional().describe('next_cursor of the last answer'),
  wait_seconds: wholeNumberSchema(0, MAX_WAIT_SECONDS)
    .optional()
    .describe(`Default ${DEFAULT_TIMEOUT_SECONDS}`),
});
export type AwaitWorkflowInput = z.infer<typeof awaitWorkflowInputSchema>;

export interface AwaitedWorkflow extends RunSummary {
  readonly finished: boolean;
  /** Finished, or in need of somebody in a way that the cursor's answer did not say: there is nothing to wait for. */
  readonly settled: boolean;
  /** After the cursor, oldest first; at most the newest 100. */
  readonly events: readonly EventLine[];
  /** Events after the cursor that came before those shown. */
  readonly events_left_out: number;
  readonly attention: readonly Reason[];
  /** Differs on every answer: some clients stop at the fifth identical call. */
  readonly next_cursor: string;
  readonly next: readonly string[];
}

export interface AwaitContext extends CallContext {
  /** Told whenever more steps are done than before. */
  readonly onProgress?: (progress: RunProgress) => void;
}

/**
 * Waits until the run is finished, needs somebody in a way that the cursor's answer did not say, or the time is up;
 * then tells what is new since the cursor. Never changes the run: who stops waiting loses nothing.
 */
export function createAwaitWorkflow(
  ports: ApplicationPorts,
): (context: AwaitContext, input: AwaitWorkflowInput) => Promise<UseCaseResult<AwaitedWorkflow>> {
  return (context, input) =>
    translatingErrors('nothing', async () => {
      const key = { tenant: context.tenant, runId: input.run_id };
      const seen = parseCursor(input.cursor);
      const report = progressReporter(context);
      let last: UseCaseResult<Glimpse> | undefined;
      await waitForRun(ports, {
        key,
        untilMs: ports.clock.now() + (input.wait_seconds ?? DEFAULT_TIMEOUT_SECONDS) * 1_000,
        signal: context.signal,
        look: async () => {
          last = await glimpse(ports, key);
          if (!last.ok) return last;
          report(last.value.summary.progress);
          return isNews(last.value, seen) ? last : undefined;
        },
      });
      const settled = last ?? (await glimpse(ports, key));
      return settled.ok ? answer(ports, key, settled.value, seen) : settled;
    });
}

interface Glimpse {
  readonly summary: RunSummary;
  readonly version: number;
  readonly attention: readonly Reason[];
  readonly attentionMark: string;
}

interface Seen {
  readonly version: number;
  readonly attentionMark: string | undefined;
}

async function glimpse(ports: ApplicationPorts, key: RunKey): Promise<UseCaseResult<Glimpse>> {
  const situation = await readSituation(ports, key);
  if (!situation.ok) return situation;
  const attention = reasonsOf(situation.value).filter(needsSomebody);
  const marks = attention.map(({ kind, step = '' }) => `${kind}/${step}`);
  return {
    ok: true,
    value: {
      summary: summariseRun(situation.value),
      version: situation.value.state.run.version,
      attention,
      attentionMark: marks.length === 0 ? 'none' : digestOf(...marks).slice(0, 8),
    },
  };
}

/** What the cursor's answer has already said is no reason to answer again at once. */
function isNews({ summary, attention, attentionMark }: Glimpse, seen: Seen): boolean {
  if (isFinished(summary.status)) return true;
  return attention.length > 0 && attentionMark !== seen.attentionMark;
}

async function answer(
  ports: ApplicationPorts,
  key: RunKey,
  glimpsed: Glimpse,
  seen: Seen,
): Promise<UseCaseResult<AwaitedWorkflow>> {
  const { summary, version, attention, attentionMark } = glimpsed;
  const from = Math.max(seen.version + 1, version - MAX_EVENTS + 1);
  const count = version - from + 1;
  const history = count > 0 ? await ports.store.readHistory(key, from, count) : [];
  const next_cursor = `${version}.${attentionMark}.${newCursor(ports)}`;
  return {
    ok: true,
    value: {
      ...summary,
      finished: isFinished(summary.status),
      settled: isNews(glimpsed, seen),
      events: history.map((text) => eventLine(readEvent(text))),
      events_left_out: Math.max(0, from - seen.version - 1),
      attention,
      next_cursor,
      next: nextCalls(summary, attention).map((call) =>
        call.startsWith('await_workflow ')
          ? `await_workflow ${JSON.stringify({ run_id: key.runId, cursor: next_cursor })}`
          : call,
      ),
    },
  };
}

/** Anything else than a cursor of ours reads as "from the start": a wait is no place to be strict. */
function parseCursor(cursor: string | undefined): Seen {
  const match = /^(\d{1,9})\.([0-9a-z]+)\./.exec(cursor ?? '');
  return { version: Number(match?.[1] ?? 0), attentionMark: match?.[2] };
}

/** MCP wants progress to grow with every notification. */
function progressReporter({ onProgress }: AwaitContext): (progress: RunProgress) => void {
  let reported = -1;
  return (progress) => {
    const done = progress.completed + progress.failed + progress.dropped;
    if (done <= reported) return;
    reported = done;
    onProgress?.(progress);
  };
}
