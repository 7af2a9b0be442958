import type { FailStep } from '../commands.ts';
import type { Decision, RoomProblem } from '../decision.ts';
import type { StepError } from '../events.ts';
import type { Json } from '../json.ts';
import { MAX_RUN_BYTES } from '../limits.ts';
import type { PlannedStep } from '../plan.ts';
import { MAX_STORED_DEPTH } from '../readable-value.ts';
import { isHistoryFull } from './history-full.ts';
import { nextDelayMs } from '../retry-policy.ts';

const ROOM_PROBLEMS: Readonly<Record<RoomProblem, string>> = {
  run_too_large: `the run holds more than ${MAX_RUN_BYTES} bytes: pass large results by file, not by output`,
  nested_too_deeply: `a value is nested deeper than ${MAX_STORED_DEPTH} levels: pass it as text, or by file`,
};

export function roomError(code: RoomProblem): StepError {
  return { code, message: ROOM_PROBLEMS[code] };
}

/** Of an agent's attempt that nobody reported on in time. */
export function timeoutError({ timeoutMs = 0 }: PlannedStep): StepError {
  return { code: 'timeout', message: `no result within ${timeoutMs} ms of being offered` };
}

export interface Performer {
  readonly worker: string;
  readonly startedAtMs: number;
}

/** Retries by the step's policy while the run still wants it; else the step has failed. */
export function failAttempt(
  decision: Decision,
  step: PlannedStep,
  attempt: number,
  failure: {
    readonly error: FailStep['error'];
    readonly performer?: Performer;
    readonly heartbeat?: Json | undefined;
  },
): void {
  const { code, message, details } = failure.error;
  const error: StepError = { code, message, ...(details !== undefined && { details }) };
  const delayMs = isRetryWanted(decision, step)
    ? nextDelayMs(step.retry, attempt, failure.error, decision.context.random())
    : undefined;
  if (delayMs === undefined) return failFinally(decision, step, attempt, error, failure.performer);
  decision.emit({
    type: 'StepAttemptFailed',
    step: step.id,
    attempt,
    error,
    retryAtMs: decision.context.nowMs + delayMs,
    ...failure.performer,
    ...(failure.heartbeat !== undefined && { heartbeat: failure.heartbeat }),
  });
}

/** The first failure of a run that stops on failure also ends what still waits for time or a signal. */
export function failFinally(
  decision: Decision,
  step: PlannedStep,
  attempt: number,
  error: StepError,
  performer?: Performer,
): void {
  decision.emit({ type: 'StepFailed', step: step.id, attempt, error, ...performer });
  if (isStopping(decision) && decision.run.failedSteps === 1)
    cancelWaitingSteps(decision, (waiting) => !waiting.runsAfterFailure);
}

/** A wait is cancelled, and an attempt that was postponed; a step between two attempts has failed with its last error. */
export function cancelWaitingSteps(
  decision: Decision,
  isUnwanted: (step: PlannedStep) => boolean,
): void {
  for (const step of decision.plan.steps) {
    const { status, attempt, error } = decision.step(step.index);
    if (!isUnwanted(step)) continue;
    // One that was only postponed, without an attempt before, has nothing to have failed with.
    if (status === 'retrying' && error !== undefined) failFinally(decision, step, attempt, error);
    else if (status === 'retrying' || status === 'waiting')
      decision.emit({ type: 'StepsCancelled', steps: [{ step: step.id, attempt }] });
  }
}

/** `onFailure: stop` after a failure: what runs may finish, nothing else starts. */
export function isStopping(decision: Decision): boolean {
  return decision.plan.onFailure === 'stop' && decision.run.failedSteps > 0;
}

export function isRetryWanted(decision: Decision, step: PlannedStep): boolean {
  if (decision.run.status === 'cancelling') return false;
  if (isStopping(decision) && !step.runsAfterFailure) return false;
  return !isHistoryFull(decision);
}
