import { assertNever } from '../../domain/assert-never.ts';
import type { EventBody } from '../../domain/events.ts';
import { isJsonObject, type Json } from '../../domain/json.ts';
import { UnreadableEventError } from '../../domain/upcast.ts';
import { InvalidCursorError, StoreUnavailableError } from '../../ports/run-store.ts';
import type { Outcome } from './execute-command.ts';
import type { UseCaseError, UseCaseResult } from '../use-case.ts';

export interface Recorded {
  /** Events of this call; none when it was found recorded. */
  readonly events: readonly EventBody[];
  /** The same request had been recorded before. */
  readonly isRepetition: boolean;
  /** Of the run after the commit that recorded it. */
  readonly version: number;
}

/** The one place that says what a command's outcome means to the caller. */
export function recordedOr(
  outcome: Outcome,
  call: { readonly runId: string; readonly idempotencyKey?: string | undefined },
): UseCaseResult<Recorded> {
  switch (outcome.kind) {
    case 'committed': {
      const { events, version } = outcome;
      return { ok: true, value: { events, isRepetition: false, version } };
    }
    case 'duplicate': {
      // Without a key nobody else can have sent it: the store's answer to this very call was lost on the way.
      const isRepetition = call.idempotencyKey !== undefined;
      return { ok: true, value: { events: [], isRepetition, version: versionOf(outcome.answer) } };
    }
    case 'rejected':
      return failure({ ...outcome.rejection, changed: 'nothing' });
    case 'keyReused':
      return failure(keyReused(call.idempotencyKey));
    case 'unknownRun':
      return failure(unknownRun(call.runId));
    case 'unavailable':
      return failure(unavailable(outcome, call));
    case 'leaseLost':
      // Only work that holds a lease can lose one, and no caller's command does.
      throw new Error(`a command without a lease was answered leaseLost (run ${call.runId})`);
    default:
      return assertNever(outcome);
  }
}

/** Every recorded command's answer names it. */
function versionOf(answer: Json): number {
  const version = isJsonObject(answer) ? answer.version : undefined;
  if (typeof version !== 'number') throw new Error('a recorded command does not say its version');
  return version;
}

export function failure(error: UseCaseError): { readonly ok: false; readonly error: UseCaseError } {
  return { ok: false, error };
}

export function unknownRun(runId: string): UseCaseError {
  return {
    code: 'unknown_run',
    message: `There is no run "${runId}".`,
    changed: 'nothing',
    next: 'list_workflows shows the runs and their ids; start_workflow starts one.',
  };
}

/**
 * Runs a use case's body and translates what a store's reads throw; a defect passes through. `changed` is what holds
 * when a read fails: `unknown` for a use case that may have written before it.
 */
export async function translatingErrors<Value>(
  changed: UseCaseError['changed'],
  body: () => Promise<UseCaseResult<Value>>,
): Promise<UseCaseResult<Value>> {
  try {
    return await body();
  } catch (error) {
    return failure(readError(error, changed));
  }
}

function readError(error: unknown, changed: UseCaseError['changed']): UseCaseError {
  if (error instanceof StoreUnavailableError)
    return {
      code: 'store_unavailable',
      message: `The store did not answer: ${error.message}.`,
      changed,
      next: 'Call again: reading is always safe, and a call that writes is safe to repeat with the same idempotency_key. get_health says how the store is.',
    };
  if (error instanceof InvalidCursorError)
    return {
      code: 'invalid_cursor',
      message: 'The cursor is not one that this tool gave.',
      changed: 'nothing',
      next: 'Leave the cursor out to begin at the start.',
    };
  if (error instanceof UnreadableEventError)
    return {
      code: 'run_unreadable',
      message: `The run's history cannot be read: ${error.message}.`,
      changed: 'nothing',
      next: 'Use the newest Baton that works on this store; nothing was changed.',
    };
  throw error;
}

function keyReused(key: string | undefined): UseCaseError {
  return {
    code: 'idempotency_key_reused',
    message: `The idempotency_key "${key ?? ''}" was used before for another request.`,
    changed: 'nothing',
    next: 'Repeat the earlier request unchanged, or choose a new key for this one.',
  };
}

function unavailable(
  { reason, isInDoubt }: Extract<Outcome, { kind: 'unavailable' }>,
  call: { readonly runId: string; readonly idempotencyKey?: string | undefined },
): UseCaseError {
  if (!isInDoubt)
    return {
      code: 'store_unavailable',
      message: `The store does not answer: ${reason}.`,
      changed: 'nothing',
      next: 'Call again in a moment. get_health says how the store is.',
    };
  return {
    code: 'store_unavailable',
    message: `The store did not confirm the request: ${reason}.`,
    changed: 'unknown',
    next:
      call.idempotencyKey === undefined
        ? `get_workflow {"run_id":"${call.runId}"} shows whether it was applied; send it again only if not, with an idempotency_key.`
        : 'Repeat the call with the same idempotency_key: it is applied once, and the answer says so.',
  };
}
