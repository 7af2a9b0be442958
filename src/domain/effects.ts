import type { EventBody, EventOf } from './events.ts';
import { stepById, type Plan } from './plan.ts';
import type { Priority } from './priority.ts';

/** What the store must do in the same commit as these events. */
export interface Effects {
  readonly enqueue: EnqueuedTask[];
  readonly recall: string[];
  readonly timers: { readonly timerId: string; readonly dueAtMs: number }[];
  readonly cancelTimers: string[];
}

export interface EnqueuedTask {
  readonly slot: string;
  readonly attempt: number;
  readonly queue: string;
  /** Absent: normal. */
  readonly priority?: Priority;
}

/**
 * An attempt waits at most once for its time, signal or approval (`wait`), is at most once given a time limit by the
 * engine (`timeout`: an agent's), and waits at most once for the next attempt.
 */
export type TimerPurpose = 'wait' | 'timeout' | 'retry';

export function timerIdOf(purpose: TimerPurpose, step: string, attempt: number): string {
  return `${purpose}:${step}#${attempt}`;
}

/** Of an agent's attempt. */
export function isTimeoutTimer(timerId: string): boolean {
  return timerId.startsWith('timeout:');
}

/** An attempt may be postponed again and again, and an id of a timer is never used twice. */
export function postponeTimerId(step: string, attempt: number, count: number): string {
  return `postpone:${step}#${attempt}.${count}`;
}

/** Goes on with a decision that stopped early at this version of the run. */
export function advanceTimerId(version: number): string {
  return `advance:${version}`;
}

export function isAdvanceTimer(timerId: string): boolean {
  return timerId.startsWith('advance:');
}

const APPROVAL_TIMER = 'approval:';

/** Ends an approval that an agent asked for. */
export function approvalTimerId(approvalId: string): string {
  return `${APPROVAL_TIMER}${approvalId}`;
}

/** The approval that such a timer ends; `undefined` for another timer. */
export function approvalOfTimer(timerId: string): string | undefined {
  return timerId.startsWith(APPROVAL_TIMER) ? timerId.slice(APPROVAL_TIMER.length) : undefined;
}

/** The step that a timer belongs to. */
export function stepOfTimer(timerId: string): string {
  return timerId.slice(timerId.indexOf(':') + 1, timerId.lastIndexOf('#'));
}

/**
 * Derived from events alone, so that no decision can schedule something its history does not tell.
 * `heldSlots` are the slots of scheduled steps when a cancellation was asked for; `runPriority` is what the run was
 * started with.
 */
export function effectsOf(
  plan: Plan,
  events: readonly EventBody[],
  heldSlots: () => readonly string[],
  runPriority?: Priority,
): Effects {
  const effects: Effects = { enqueue: [], recall: [], timers: [], cancelTimers: [] };
  for (const event of events) addEffects(plan, event, heldSlots, effects);
  const { enqueue, recall, timers, cancelTimers } = effects;
  return {
    enqueue: enqueue.map((task) => withPriority(plan, task, runPriority)),
    recall,
    cancelTimers,
    timers: timers.length === 0 ? timers : wantedTimers(timers, cancelTimers),
  };
}

/** Timer ids are never used twice, so one that is set and cancelled by the same commit is not wanted. */
function wantedTimers(timers: Effects['timers'], cancelTimers: readonly string[]) {
  const cancelled = new Set(cancelTimers);
  return timers.filter(({ timerId }) => !cancelled.has(timerId));
}

/** Of the step, else of the run, else of the workflow: no event needs to carry it, and retries and handovers keep it. */
function withPriority(
  plan: Plan,
  task: EnqueuedTask,
  runPriority: Priority | undefined,
): EnqueuedTask {
  const priority = stepById(plan, task.slot)?.priority ?? runPriority ?? plan.priority ?? 'normal';
  return priority === 'normal' ? task : { ...task, priority };
}

function addEffects(
  plan: Plan,
  event: EventBody,
  heldSlots: () => readonly string[],
  effects: Effects,
): void {
  switch (event.type) {
    case 'StepsScheduled':
      for (const { step, attempt, queue, dueAtMs } of event.steps) {
        enqueue(effects, { slot: step, attempt, queue: queue ?? queueOf(plan, step) });
        if (dueAtMs !== undefined)
          effects.timers.push({ timerId: timerIdOf('timeout', step, attempt), dueAtMs });
      }
      return;
    case 'TaskHandedOver':
      if (event.queue !== undefined)
        enqueue(effects, { slot: event.step, attempt: event.attempt, queue: event.queue });
      return;
    case 'ApprovalRequested':
      if (event.dueAtMs !== undefined)
        effects.timers.push({ timerId: approvalTimerOf(event), dueAtMs: event.dueAtMs });
      return;
    case 'ApprovalResolved':
      effects.cancelTimers.push(approvalTimerOf(event));
      return;
    case 'StepWaiting':
      if (event.dueAtMs !== undefined)
        effects.timers.push({
          timerId: timerIdOf('wait', event.step, event.attempt),
          dueAtMs: event.dueAtMs,
        });
      return;
    case 'StepAttemptFailed':
      effects.timers.push({
        timerId: timerIdOf('retry', event.step, event.attempt),
        dueAtMs: event.retryAtMs,
      });
      return endAgentAttempt(plan, event, effects);
    case 'StepPostponed':
      effects.timers.push({
        timerId: postponeTimerId(event.step, event.attempt, event.count),
        dueAtMs: event.untilMs,
      });
      return;
    case 'ContractViolated':
      // The retry or failure that follows ends the attempt.
      return endWaitForSignal(event, effects);
    case 'StepCompleted':
      endWaitForSignal(event, effects);
      return endAgentAttempt(plan, event, effects);
    case 'StepFailed':
      effects.cancelTimers.push(timerIdOf('retry', event.step, event.attempt));
      return endAgentAttempt(plan, event, effects);
    case 'StepOutcomeUnknown':
      return endAgentAttempt(plan, event, effects);
    case 'StepsCancelled':
      for (const cancelled of event.steps) {
        effects.cancelTimers.push(timerIdOf('wait', cancelled.step, cancelled.attempt));
        endAgentAttempt(plan, cancelled, effects);
      }
      return;
    case 'CancellationRequested':
      effects.recall.push(...heldSlots());
      return;
    default:
      return;
  }
}

/** The task replaces what the same commit asked back: a recall, which the store applies last, would hit the new one. */
function enqueue(effects: Effects, task: Effects['enqueue'][number]): void {
  for (let at = 0; (at = effects.recall.indexOf(task.slot)) >= 0;) effects.recall.splice(at, 1);
  effects.enqueue.push(task);
}

function endWaitForSignal(
  event: EventOf<'StepCompleted' | 'ContractViolated'>,
  effects: Effects,
): void {
  if (event.consumedSignal !== undefined)
    effects.cancelTimers.push(timerIdOf('wait', event.step, event.attempt));
}

function approvalTimerOf(event: {
  readonly approvalId: string;
  readonly attempt?: number | undefined;
}): string {
  const { approvalId, attempt } = event;
  return attempt === undefined
    ? approvalTimerId(approvalId)
    : timerIdOf('wait', approvalId, attempt);
}

/**
 * The engine sets the time limit of an agent's attempt, and does not wait for the agent to hear that the task is over:
 * one that still holds it learns so at its next heartbeat. A report has removed the task already.
 */
function endAgentAttempt(
  plan: Plan,
  ended: { readonly step: string; readonly attempt: number; readonly worker?: string | undefined },
  effects: Effects,
): void {
  const planned = stepById(plan, ended.step);
  if (planned?.performer !== 'agent') return;
  if (planned.timeoutMs !== undefined)
    effects.cancelTimers.push(timerIdOf('timeout', ended.step, ended.attempt));
  if (ended.worker === undefined) effects.recall.push(ended.step);
}

function queueOf(plan: Plan, step: string): string {
  const queue = stepById(plan, step)?.queue;
  if (queue === undefined) throw new Error(`step "${step}" has no queue`);
  return queue;
}
