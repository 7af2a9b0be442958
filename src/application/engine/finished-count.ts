import type { EventBody } from '../../domain/events.ts';
import type { ExecuteCommand } from '../commands/execute-command.ts';

/** What this process has recorded as finished since it started, however it ended. Each end is recorded by one process. */
export interface FinishedCount {
  readonly steps: number;
  readonly runs: number;
}

export interface FinishedSample extends FinishedCount {
  readonly recentSteps: number;
  readonly recentRuns: number;
  readonly recentMs: number;
}

const STEP_ENDS: ReadonlySet<EventBody['type']> = new Set(['StepCompleted', 'StepFailed']);
const RUN_ENDS: ReadonlySet<EventBody['type']> = new Set([
  'WorkflowCompleted',
  'WorkflowFailed',
  'WorkflowCancelled',
]);

/** The count, and how much of it is of the time since the sample before. */
export class FinishedSamples {
  readonly #finished: FinishedCount;
  #last: FinishedCount & { readonly atMs: number };
  #sample: FinishedSample = { steps: 0, runs: 0, recentSteps: 0, recentRuns: 0, recentMs: 0 };

  constructor(finished: FinishedCount, nowMs: number) {
    this.#finished = finished;
    this.#last = { ...finished, atMs: nowMs };
  }

  take(nowMs: number): FinishedSample {
    const { atMs, ...last } = this.#last;
    // Twice in one moment is one sample.
    if (nowMs <= atMs) return this.#sample;
    const { steps, runs } = this.#finished;
    this.#last = { steps, runs, atMs: nowMs };
    this.#sample = {
      ...{ steps, runs, recentMs: nowMs - atMs },
      ...{ recentSteps: steps - last.steps, recentRuns: runs - last.runs },
    };
    return this.#sample;
  }
}

/** The same, counting what its commits finish. */
export function countFinished(execute: ExecuteCommand): {
  readonly execute: ExecuteCommand;
  readonly finished: FinishedCount;
} {
  const finished = { steps: 0, runs: 0 };
  return {
    finished,
    execute: async (key, envelope) => {
      const outcome = await execute(key, envelope);
      if (outcome.kind === 'committed')
        for (const { type } of outcome.events) {
          if (STEP_ENDS.has(type)) finished.steps += 1;
          else if (RUN_ENDS.has(type)) finished.runs += 1;
        }
      return outcome;
    },
  };
}
