import { isDeepStrictEqual } from 'node:util';
import { indexEntryOf } from '../../src/application/commands/build-commit.ts';
import { approvalTimerId, postponeTimerId, stepOfTimer } from '../../src/domain/effects.ts';
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
    ...checkUnknown(run),
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
        found.push(...checkLimit(key, dueAtMs, `timer:timeout:${step}#${attempt}`, limitMs));
    if (body.type === 'StepAttemptFailed')
      dueAtMs.set(`timer:retry:${body.step}#${body.attempt}`, body.retryAtMs);
    if (body.type === 'StepPostponed')
      dueAtMs.set(`timer:${postponeTimerId(body.step, body.attempt, body.count)}`, body.untilMs);
    if (!commandId.startsWith('timer:')) continue;
    const due = dueAtMs.get(commandId);
    if (due === undefined || occurredAtMs < due)
      found.push(violation(key, 'I7', `${commandId} fired at ${occurredAtMs}, due ${due ?? '-'}`));
  }
  return found;
}

/** The time limit of an attempt counts from its first offer, however often it is given back. */
function checkLimit(
  key: RunFacts['key'],
  dueAtMs: Map<string, number>,
  timer: string,
  limitMs: number | undefined,
): Violation[] {
  const first = dueAtMs.get(timer) ?? limitMs;
  if (first === undefined) return [];
  dueAtMs.set(timer, first);
  return first === limitMs ? [] : [violation(key, 'I7', `${timer} was moved to ${limitMs ?? '-'}`)];
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

/** What goes round in circles comes to an end, and only a person who has a task ends it. */
function checkHandovers({ key, events }: RunFacts): Violation[] {
  const handovers = new Map<string, EventOf<'TaskHandedOver'>[]>();
  const found: Violation[] = [];
  for (const { body } of events) {
    if (body.type === 'TaskHandedOver') {
      const attempt = `${body.step}#${body.attempt}`;
      handovers.set(attempt, [...(handovers.get(attempt) ?? []), body]);
    }
    if (!isResult(body)) continue;
    const to = handovers.get(`${body.step}#${body.attempt}`)?.at(-1)?.to;
    if (!isTheirs(body.worker, to))
      found.push(violation(key, 'agents', `${body.worker ?? ''} ended ${body.step}, not theirs`));
  }
  for (const [attempt, { length }] of handovers)
    if (length > MAX_HANDOVERS)
      found.push(violation(key, 'agents', `${attempt} was handed over ${length} times`));
  return found;
}

function isTheirs(
  worker: string | undefined,
  to: EventOf<'TaskHandedOver'>['to'] | undefined,
): boolean {
  if (worker === undefined) return true;
  const isWithPeople = to?.kind === 'person';
  if (worker.startsWith('person:') !== isWithPeople) return false;
  return !isWithPeople || to.name === undefined || worker === `person:${to.name}`;
}

/** I5: unknown is the outcome of an effect that was begun, and whose holder has not handed it on since. */
function checkUnknown({ key, events }: RunFacts): Violation[] {
  const begun = new Set<string>();
  return events.flatMap(({ body }) => {
    if (body.type === 'StepStarted') begun.add(`${body.step}#${body.attempt}`);
    if (body.type === 'TaskHandedOver') begun.delete(`${body.step}#${body.attempt}`);
    const isFair = body.type !== 'StepOutcomeUnknown' || begun.has(`${body.step}#${body.attempt}`);
    return isFair ? [] : [violation(key, 'I5', `${body.step} is unknown, but was never begun`)];
  });
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

/** Work for a step that waits for it stands in the store; a finished run keeps none that anybody could begin. */
function checkOpenWork(run: RunFacts): Violation[] {
  const { key, plan, state, openWork } = run;
  const { tasks, timers } = openWork;
  const found = plan.steps.flatMap(({ id, index }) => {
    const { status, attempt, dueAtMs } = state.steps.get(index);
    if (status === 'scheduled' && !tasks.some((t) => t.slot === id && t.attempt === attempt))
      return [violation(key, 'I1', `step ${id} is scheduled, but nobody can ever claim it`)];
    const isOpen = status === 'scheduled' || status === 'waiting' || status === 'retrying';
    const isTimed = dueAtMs !== undefined && isOpen;
    if (isTimed && !timers.some((t) => stepOfTimer(t.timerId) === id && t.dueAtMs === dueAtMs))
      return [violation(key, 'I7', `step ${id} is ${status}, but its timer is gone`)];
    return [];
  });
  return [...found, ...(isFinished(state.run.status) ? checkLeftWork(run) : checkAsked(run))];
}

function checkLeftWork({ key, openWork }: RunFacts): Violation[] {
  const { tasks, timers, messages } = openWork;
  // The end of an agent's time, or of an approval that it asked for, has no effect on what is over.
  const lasting = timers.filter(({ timerId }) => !/^(timeout|approval):/.test(timerId));
  const left = lasting.length + messages + tasks.filter(({ recalled }) => !recalled).length;
  return left > 0
    ? [violation(key, 'I7', `finished, with ${left} tasks, timers or messages left`)]
    : [];
}

function checkAsked({ key, state, openWork }: RunFacts): Violation[] {
  if (state.run.status === 'cancelling') return []; // no answer is needed any more
  return state.run.asked.flatMap(({ approvalId, dueAtMs, answer }) => {
    if (dueAtMs === undefined || answer !== undefined) return [];
    const timer = openWork.timers.find(({ timerId }) => timerId === approvalTimerId(approvalId));
    return timer?.dueAtMs === dueAtMs
      ? []
      : [violation(key, 'I7', `approval ${approvalId} waits, but its timer is gone`)];
  });
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
