import { isDeepStrictEqual } from 'node:util';
import { indexEntryOf } from '../../src/application/build-commit.ts';
import { stepOfTimer } from '../../src/domain/effects.ts';
import type { EventBody, EventOf } from '../../src/domain/events.ts';
import { evolve } from '../../src/domain/evolve.ts';
import { isFinished } from '../../src/domain/lifecycle.ts';
import { MAX_HANDOVERS } from '../../src/domain/limits.ts';
import type { Plan } from '../../src/domain/plan.ts';
import {
  isTerminal,
  readSnapshot,
  restoreState,
  writeSnapshot,
  type RunState,
} from '../../src/domain/state.ts';
import { violation, type RunFacts, type Violation } from './run-facts.ts';

/** Everything that one run's history, state and open work must fulfil by themselves. */
export function checkRun(
  run: RunFacts,
  { isSettled }: { readonly isSettled: boolean },
): Violation[] {
  return [
    ...checkHistory(run),
    ...checkTerminalEvent(run, isSettled),
    ...checkResults(run),
    ...checkTimers(run),
    ...checkApprovals(run),
    ...checkHandovers(run),
    ...checkState(run),
    ...checkOpenWork(run),
  ];
}

/** I2: gapless, one commit's events a command, and the same by every way of reading. */
function checkHistory({ key, texts, events, loaded }: RunFacts): Violation[] {
  const found: Violation[] = [];
  const seen = new Set<string>();
  for (const [at, event] of events.entries()) {
    if (event.sequence !== at + 1)
      found.push(violation(key, 'I2', `event ${at + 1} has sequence ${event.sequence}`));
    const before = events[at - 1];
    const isOneCommit = before?.occurredAtMs === event.occurredAtMs;
    if (before?.commandId === event.commandId && isOneCommit) continue;
    if (seen.has(event.commandId))
      found.push(violation(key, 'I2', `command ${event.commandId} was recorded twice`));
    seen.add(event.commandId);
  }
  if (loaded.version !== texts.length)
    found.push(violation(key, 'I2', `version ${loaded.version}, but ${texts.length} events`));
  if (!isDeepStrictEqual(loaded.tail, texts.slice(loaded.snapshot?.version ?? 0)))
    found.push(violation(key, 'I2', 'load and readHistory tell different histories'));
  return found;
}

/** I3, and I1 once all is settled. */
function checkTerminalEvent({ key, events }: RunFacts, isSettled: boolean): Violation[] {
  const ends = events.filter(({ body }) => isTerminalEvent(body));
  if (ends.length === 0)
    return isSettled ? [violation(key, 'I1', 'has not reached a terminal state')] : [];
  if (ends.length > 1) return [violation(key, 'I3', `${ends.length} terminal events`)];
  return ends[0] === events.at(-1)
    ? []
    : [violation(key, 'I3', 'went on after its terminal event')];
}

/**
 * I4: an attempt ends once. "Unknown" is an open end, which one decision may close. A step between two attempts that
 * the run no longer wants has failed with its last error: not a result of a second run.
 */
function checkResults({ key, events }: RunFacts): Violation[] {
  const ends = new Map<string, number>();
  const retried = new Set<string>();
  for (const { body } of events) {
    if (!isResult(body)) continue;
    const isGivenUp = body.type === 'StepFailed' && body.worker === undefined;
    if (isGivenUp && retried.has(`${body.step}#${body.attempt}`)) continue;
    if (body.type === 'StepAttemptFailed') retried.add(`${body.step}#${body.attempt}`);
    const attempt = `${body.step}#${body.attempt}`;
    ends.set(attempt, (ends.get(attempt) ?? 0) + 1);
  }
  return [...ends].flatMap(([attempt, count]) =>
    count > 1 ? [violation(key, 'I4', `${count} results of ${attempt}`)] : [],
  );
}

/** I7: never before its time. (Once: `checkHistory` finds a timer's command twice. Not lost: I1.) */
function checkTimers({ key, events }: RunFacts): Violation[] {
  const dueAtMs = new Map<string, number>();
  const found: Violation[] = [];
  for (const { body, commandId, occurredAtMs } of events) {
    if (body.type === 'StepWaiting' && body.dueAtMs !== undefined)
      dueAtMs.set(`timer:wait:${body.step}#${body.attempt}`, body.dueAtMs);
    if (body.type === 'ApprovalRequested' && body.dueAtMs !== undefined)
      dueAtMs.set(approvalTimerOf(body), body.dueAtMs);
    if (body.type === 'StepsScheduled')
      for (const { step, attempt, dueAtMs: limitMs } of body.steps)
        if (limitMs !== undefined) dueAtMs.set(`timer:timeout:${step}#${attempt}`, limitMs);
    if (body.type === 'StepAttemptFailed')
      dueAtMs.set(`timer:retry:${body.step}#${body.attempt}`, body.retryAtMs);
    if (!commandId.startsWith('timer:')) continue;
    const due = dueAtMs.get(commandId);
    if (due === undefined || occurredAtMs < due)
      found.push(violation(key, 'I7', `${commandId} fired at ${occurredAtMs}, due ${due ?? '-'}`));
  }
  return found;
}

function approvalTimerOf({ approvalId, attempt }: EventOf<'ApprovalRequested'>): string {
  return attempt === undefined
    ? `timer:approval:${approvalId}`
    : `timer:wait:${approvalId}#${attempt}`;
}

/** An approval is answered once, as it was asked, by who may answer it, or has expired in its time. */
function checkApprovals({ key, events }: RunFacts): Violation[] {
  const asked = new Map<string, EventOf<'ApprovalRequested'>>();
  const answered = new Set<string>();
  const found: Violation[] = [];
  for (const { body, occurredAtMs } of events) {
    if (body.type === 'ApprovalRequested') asked.set(approvalTimerOf(body), body);
    if (body.type !== 'ApprovalResolved') continue;
    const id = approvalTimerOf({ ...body, type: 'ApprovalRequested', ask: NOTHING });
    const question = asked.get(id);
    if (question === undefined || answered.has(id) || !isFair(question, body, occurredAtMs))
      found.push(violation(key, 'I4', `${id} was answered: ${JSON.stringify(body)}`));
    answered.add(id);
  }
  return found;
}

function isFair(
  { ask, dueAtMs = Infinity }: EventOf<'ApprovalRequested'>,
  { resolution, choice, by }: EventOf<'ApprovalResolved'>,
  atMs: number,
): boolean {
  if (resolution === 'expired') return atMs >= dueAtMs;
  if (by === undefined || (ask.approvers !== undefined && !ask.approvers.includes(by)))
    return false;
  return resolution === 'rejected' || ask.choices.includes(choice ?? '');
}

/** What goes round in circles comes to an end. */
function checkHandovers({ key, events }: RunFacts): Violation[] {
  const counts = new Map<string, number>();
  for (const { body } of events) {
    if (body.type !== 'TaskHandedOver') continue;
    const attempt = `${body.step}#${body.attempt}`;
    counts.set(attempt, (counts.get(attempt) ?? 0) + 1);
  }
  return [...counts].flatMap(([attempt, count]) =>
    count > MAX_HANDOVERS
      ? [violation(key, 'agents', `${attempt} was handed over ${count} times`)]
      : [],
  );
}

/** I8: the fold of the history is what the snapshot, the index and the counters say. */
function checkState({ key, events, plan, state, loaded, listing }: RunFacts): Violation[] {
  const found: Violation[] = [];
  if (loaded.snapshot !== undefined) {
    const snapshot = readSnapshot(loaded.snapshot.data);
    if (snapshot === undefined) return [violation(key, 'I8', 'its snapshot cannot be read')];
    const restored = restoreState(plan, snapshot);
    for (const event of events.slice(loaded.snapshot.version))
      evolve(plan, restored, event.body, event.occurredAtMs);
    if (!isDeepStrictEqual(plain(plan, state), plain(plan, restored)))
      found.push(violation(key, 'I8', 'snapshot and tail fold to another state than the history'));
  }
  if (listing === undefined) return [...found, violation(key, 'I8', 'is not listed')];
  if (!isDeepStrictEqual(listing, { key, ...indexEntryOf(state.run) }))
    found.push(violation(key, 'I8', `is listed as ${JSON.stringify(listing)}`));
  const open = plan.steps.filter(({ index }) => !isTerminal(state.steps.get(index).status)).length;
  if (open !== state.run.openSteps)
    found.push(violation(key, 'I8', `${open} open steps, counted ${state.run.openSteps}`));
  const awaited = countAwaited(plan, state);
  if (awaited !== state.run.awaitedPeople)
    found.push(violation(key, 'I8', `awaits ${awaited}, counted ${state.run.awaitedPeople}`));
  return found;
}

/** What waits for people, without the counter. */
function countAwaited(plan: Plan, { run, steps }: RunState): number {
  if (isFinished(run.status)) return 0;
  const ofSteps = plan.steps.filter(({ index }) => {
    const { status, approval, handover } = steps.get(index);
    return status === 'waiting' && (approval !== undefined || handover?.to.kind === 'person');
  });
  return ofSteps.length + run.asked.filter(({ answer }) => answer === undefined).length;
}

function plain(plan: Plan, state: RunState): unknown {
  return JSON.parse(writeSnapshot(plan, state));
}

/** Work for a step that waits for it stands in the store; a finished run keeps none. */
function checkOpenWork({ key, plan, state, openWork }: RunFacts): Violation[] {
  const { tasks, timers } = openWork;
  const found = plan.steps.flatMap(({ id, index }) => {
    const { status, attempt, dueAtMs } = state.steps.get(index);
    if (status === 'scheduled' && !tasks.some((t) => t.slot === id && t.attempt === attempt))
      return [violation(key, 'I1', `step ${id} is scheduled, but nobody can ever claim it`)];
    const isTimed = dueAtMs !== undefined && (status === 'waiting' || status === 'retrying');
    if (isTimed && !timers.some((t) => stepOfTimer(t.timerId) === id && t.dueAtMs === dueAtMs))
      return [violation(key, 'I7', `step ${id} is ${status}, but its timer is gone`)];
    return [];
  });
  // The end of an agent's time, or of an approval that it asked for, has no effect on what is over.
  const lasting = timers.filter(({ timerId }) => !/^(timeout|approval):/.test(timerId));
  const left = isFinished(state.run.status) ? lasting.length + openWork.messages : 0;
  if (left > 0) found.push(violation(key, 'I7', `finished, with ${left} timers or messages left`));
  return found;
}

function isTerminalEvent({ type }: EventBody): boolean {
  return type === 'WorkflowCompleted' || type === 'WorkflowFailed' || type === 'WorkflowCancelled';
}

function isResult(
  body: EventBody,
): body is EventOf<'StepCompleted' | 'StepFailed' | 'StepAttemptFailed'> {
  return (
    body.type === 'StepCompleted' || body.type === 'StepFailed' || body.type === 'StepAttemptFailed'
  );
}

const NOTHING = { question: '', choices: [] };
