import { isDeepStrictEqual } from 'node:util';
import type { EventOf } from '../../src/domain/events.ts';
import { checkAgentResult, checkApprovalResult, checkAsked } from './agent-model.ts';
import { behaviourOf, type Behaviour } from './behaviour.ts';
import type { StepModel } from './generate-workflow.ts';
import { outputOf } from './played-handler.ts';
import type { ModelView } from './reference-model.ts';

type ShellModel = Extract<StepModel['work'], { kind: 'shell' }>;

/** What one event may say of one attempt, given what the handler plays and the retry policy. */
export function checkAttempt(step: StepModel, view: ModelView): string[] {
  const { body, occurredAtMs } = view.event;
  switch (body.type) {
    case 'StepCompleted':
      if (isForPeople(step)) return checkByPeople(step, body);
      return body.worker === undefined ? [] : checkCompleted(step, body);
    case 'StepAttemptFailed':
      return [...checkCode(step, body, occurredAtMs), ...checkRetried(step, body, view)];
    case 'StepFailed':
      return [...checkCode(step, body, occurredAtMs), ...checkGivenUp(step, body, view)];
    case 'ApprovalRequested':
      return step.work.kind === 'approval' && body.attempt !== undefined
        ? checkAsked(step.id, step.work, body, occurredAtMs)
        : [];
    default:
      return [];
  }
}

function isForPeople({ work }: StepModel): boolean {
  return work.kind === 'agent' || work.kind === 'approval';
}

function checkByPeople(
  { id, work }: StepModel,
  body: EventOf<'StepCompleted'> | EventOf<'StepAttemptFailed'> | EventOf<'StepFailed'>,
): string[] {
  if (work.kind === 'agent') return checkAgentResult(id, work, body);
  return work.kind === 'approval' ? checkApprovalResult(id, work, body) : [];
}

function checkCompleted({ id, work }: StepModel, body: EventOf<'StepCompleted'>): string[] {
  if (work.kind !== 'shell') return [`${id} was run by a worker`];
  const behaviour = behaviourOf(work.script, body.attempt);
  const isSuccess =
    behaviour.kind === 'success' ||
    behaviour.kind === 'stubborn' ||
    (behaviour.kind === 'breach' && !work.hasContract);
  if (!isSuccess) return [`${id}#${body.attempt} completed, but plays ${behaviour.kind}`];
  const expected = outputOf(behaviour, body.attempt);
  return isDeepStrictEqual(body.output, expected) ? [] : [`${id}#${body.attempt}: wrong output`];
}

/** The error is one that the attempt can have had. */
function checkCode(
  step: StepModel,
  body: EventOf<'StepAttemptFailed'> | EventOf<'StepFailed'>,
  occurredAtMs: number,
): string[] {
  const { id, work } = step;
  const { attempt, error, worker, startedAtMs } = body;
  if (attempt === 0) return []; // never began: the reference model has judged its condition
  if (isForPeople(step)) return checkByPeople(step, body);
  if (work.kind === 'signal')
    return error.code === 'signal_timeout' ? [] : [`${id} failed: ${error.code}`];
  if (work.kind !== 'shell' || worker === undefined) return [];
  const own = codesOf(behaviourOf(work.script, attempt), work);
  if (own.includes(error.code) || error.code === 'poison') return [];
  const lastedMs = occurredAtMs - (startedAtMs ?? occurredAtMs);
  if (error.code === 'timeout' && lastedMs >= work.timeoutMs) return [];
  const { beatMs } = work.script;
  if (error.code === 'heartbeat_timeout' && beatMs > 0 && lastedMs >= beatMs * 3) return [];
  return [`${id}#${attempt} failed with ${error.code} after ${lastedMs} ms`];
}

function codesOf(behaviour: Behaviour, work: ShellModel): readonly string[] {
  if (behaviour.kind === 'failure') return [behaviour.code];
  if (behaviour.kind === 'throw') return ['handler_error'];
  return behaviour.kind === 'breach' && work.hasContract ? ['contract_violation'] : [];
}

function checkRetried(
  step: StepModel,
  body: EventOf<'StepAttemptFailed'>,
  view: ModelView,
): string[] {
  const { attempt, error, retryAtMs } = body;
  const place = `${step.id}#${attempt}`;
  if (!mayRetry(step, attempt, error.code)) return [`${place} is retried beyond its policy`];
  if (view.isCancelling || view.isStopping) return [`${place} is retried in a run that stops`];
  const { initialDelayMs, factor, maxDelayMs, jitter } = step.retry;
  const fullMs = Math.min(maxDelayMs, initialDelayMs * factor ** (attempt - 1));
  const askedMs = retryAfterMs(step, attempt, error.code);
  const delayMs = retryAtMs - view.event.occurredAtMs;
  const most = Math.max(fullMs, askedMs);
  const least = jitter === 'none' ? most : askedMs;
  return delayMs >= least && delayMs <= most ? [] : [`${place} is retried after ${delayMs} ms`];
}

/** A step that could try again gives up only when the run no longer wants it, or a person said so. */
function checkGivenUp(step: StepModel, body: EventOf<'StepFailed'>, view: ModelView): string[] {
  const { attempt, error, worker } = body;
  if (view.isCancelling || view.isStopping) return [];
  // The engine itself ends the attempt of an agent that is not heard of.
  const isTimedOut = step.work.kind === 'agent' && error.code === 'timeout';
  if (worker === undefined && !isTimedOut) return [];
  return mayRetry(step, attempt, error.code) ? [`${step.id}#${attempt} was not retried`] : [];
}

function mayRetry({ retry, work }: StepModel, attempt: number, code: string): boolean {
  if (attempt >= retry.maxAttempts || retry.nonRetryable.includes(code)) return false;
  if (code === 'poison') return false;
  // An unsafe effect that happened is not repeated for the sake of its output.
  if (code === 'contract_violation' && work.kind === 'shell' && work.effect === 'unsafe')
    return false;
  const behaviour = work.kind === 'shell' ? behaviourOf(work.script, attempt) : undefined;
  return !(behaviour?.kind === 'failure' && behaviour.permanent && behaviour.code === code);
}

function retryAfterMs({ work }: StepModel, attempt: number, code: string): number {
  const behaviour = work.kind === 'shell' ? behaviourOf(work.script, attempt) : undefined;
  if (behaviour?.kind !== 'failure' || behaviour.code !== code) return 0;
  return behaviour.retryAfterMs ?? 0;
}
