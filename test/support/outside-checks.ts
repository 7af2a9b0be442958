import { isDeepStrictEqual } from 'node:util';
import { idempotencyKeyOf } from '../../src/application/commands/idempotency-key.ts';
import type { EventBody } from '../../src/domain/events.ts';
import type { Json } from '../../src/domain/json.ts';
import type { Evidence } from './invariants.ts';
import {
  nameOf,
  violation,
  type ClientCall,
  type RunFacts,
  type SinkEntry,
  type Violation,
} from './run-facts.ts';

/** I1 and I10: what a client was told is so, and what it was not told can be found out. */
export async function checkCall(
  { store, clientLog, isSettled }: Pick<Evidence, 'store' | 'clientLog' | 'isSettled'>,
  call: ClientCall,
  run: RunFacts | undefined,
): Promise<Violation[]> {
  const recorded = await store.findCommand(call.key, call.commandId);
  const isOwn = recorded !== undefined && recorded.digest === call.digest;
  const repetitions = clientLog.filter((other) => isSame(other, call));
  const complaint = complaintOf(call, { recorded, isOwn, isSettled, repetitions, run });
  if (complaint === undefined) return [];
  const invariant = call.type === 'StartWorkflow' ? 'I1' : 'I10';
  return [violation(call.key, invariant, `${call.type} ${call.commandId}: ${complaint}`)];
}

interface CallFacts {
  readonly recorded: { readonly answer: Json } | undefined;
  /** Recorded, and with this call's digest. */
  readonly isOwn: boolean;
  readonly isSettled: boolean;
  /** Every sending of the same request, this one included. */
  readonly repetitions: readonly ClientCall[];
  readonly run: RunFacts | undefined;
}

function complaintOf({ answer, commandId }: ClientCall, facts: CallFacts): string | undefined {
  switch (answer?.kind) {
    case 'committed':
      if (!facts.isOwn) return 'was told committed, but is not recorded';
      return isWritten(commandId, answer.events, facts.run)
        ? undefined
        : 'its events are not those of the history';
    case 'duplicate':
      if (!facts.isOwn) return 'was told duplicate, but is not recorded';
      return isDeepStrictEqual(facts.recorded?.answer, answer.answer)
        ? undefined
        : 'was told another answer than the first';
    case 'keyReused':
      return facts.recorded && !facts.isOwn ? undefined : 'was told that its key is taken';
    case 'rejected':
    case 'unknownRun':
      // Only if no other sending of it may have been accepted.
      return facts.isOwn && facts.repetitions.every(({ answer: told }) => isRefusal(told))
        ? `was told ${answer.kind}, but is recorded`
        : undefined;
    case 'leaseLost':
      return 'was told of a lease that it never had';
    default:
      return facts.isSettled && isOpen(facts.repetitions.at(-1)?.answer)
        ? 'could not be resolved by repeating it'
        : undefined;
  }
}

function isWritten(
  commandId: string,
  events: readonly EventBody[] | undefined,
  run: RunFacts | undefined,
): boolean {
  const written = run?.events.filter((event) => event.commandId === commandId) ?? [];
  if (events === undefined) return true;
  const told: unknown = JSON.parse(JSON.stringify(events));
  return isDeepStrictEqual(
    written.map(({ body }) => body),
    told,
  );
}

function isSame(a: ClientCall, b: ClientCall): boolean {
  return a.commandId === b.commandId && a.digest === b.digest && nameOf(a.key) === nameOf(b.key);
}

function isRefusal(answer: ClientCall['answer']): boolean {
  return answer?.kind === 'rejected' || answer?.kind === 'unknownRun';
}

function isOpen(answer: ClientCall['answer']): boolean {
  return answer === undefined || answer.kind === 'unavailable';
}

/** I5: the key is the step's own, so that a target which honours it has one effect. */
export function checkEffect(entry: SinkEntry, run: RunFacts | undefined): Violation[] {
  if (run === undefined) return [violation(entry, 'I1', 'had an effect, but does not exist')];
  const isOwn = entry.idempotencyKey === idempotencyKeyOf(entry, entry.step);
  return isOwn ? [] : [violation(entry, 'I5', `step ${entry.step} was given another's key`)];
}

/** An unsafe effect begins once an attempt, and never before that was durable. */
export function checkUnsafeEffects(
  sinkLog: readonly SinkEntry[],
  facts: ReadonlyMap<string, RunFacts>,
): Violation[] {
  const begun = new Map<string, number>();
  return sinkLog.flatMap((entry) => {
    const { step, attempt } = entry;
    const run = facts.get(nameOf(entry));
    const planned = run?.plan.steps[run.plan.indexOf.get(step) ?? -1];
    if (planned?.effect !== 'unsafe') return [];
    const id = `${nameOf(entry)}/${step}#${attempt}`;
    begun.set(id, (begun.get(id) ?? 0) + 1);
    if ((begun.get(id) ?? 0) > 1)
      return [violation(entry, 'I5', `unsafe ${step}#${attempt} ran again without a decision`)];
    const isTold = run?.events.some(
      ({ body, occurredAtMs }) =>
        body.type === 'StepStarted' &&
        body.step === step &&
        body.attempt === attempt &&
        occurredAtMs <= entry.atMs,
    );
    return isTold === true ? [] : [violation(entry, 'I5', `unsafe ${step} began unannounced`)];
  });
}
