import type { EventBody } from './events.ts';
import type { Plan } from './plan.ts';

/** What the store must do in the same commit as these events. */
export interface Effects {
  readonly enqueue: { readonly slot: string; readonly attempt: number; readonly queue: string }[];
  readonly recall: string[];
  readonly timers: { readonly timerId: string; readonly dueAtMs: number }[];
  readonly cancelTimers: string[];
}

/** An attempt waits at most once for its time or signal, and at most once for the next attempt. */
export type TimerPurpose = 'wait' | 'retry';

export function timerIdOf(purpose: TimerPurpose, step: string, attempt: number): string {
  return `${purpose}:${step}#${attempt}`;
}

/** Goes on with a decision that stopped early at this version of the run. */
export function advanceTimerId(version: number): string {
  return `advance:${version}`;
}

export function isAdvanceTimer(timerId: string): boolean {
  return timerId.startsWith('advance:');
}

/** The step that a timer belongs to. */
export function stepOfTimer(timerId: string): string {
  return timerId.slice(timerId.indexOf(':') + 1, timerId.lastIndexOf('#'));
}

/**
 * Derived from events alone, so that no decision can schedule something its history does not tell.
 * `heldSlots` are the slots of scheduled steps when a cancellation was asked for.
 */
export function effectsOf(
  plan: Plan,
  events: readonly EventBody[],
  heldSlots: () => readonly string[],
): Effects {
  const effects: Effects = { enqueue: [], recall: [], timers: [], cancelTimers: [] };
  for (const event of events) addEffects(plan, event, heldSlots, effects);
  // Timer ids are never used twice, so one that is set and cancelled by the same commit is not wanted.
  const cancelled = new Set(effects.cancelTimers);
  return { ...effects, timers: effects.timers.filter(({ timerId }) => !cancelled.has(timerId)) };
}

function addEffects(
  plan: Plan,
  event: EventBody,
  heldSlots: () => readonly string[],
  effects: Effects,
): void {
  switch (event.type) {
    case 'StepsScheduled':
      for (const { step, attempt } of event.steps)
        effects.enqueue.push({ slot: step, attempt, queue: queueOf(plan, step) });
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
      return;
    case 'StepCompleted':
    case 'ContractViolated':
      if (event.consumedSignal !== undefined)
        effects.cancelTimers.push(timerIdOf('wait', event.step, event.attempt));
      return;
    case 'StepFailed':
      effects.cancelTimers.push(timerIdOf('retry', event.step, event.attempt));
      return;
    case 'StepsCancelled':
      for (const { step, attempt } of event.steps)
        effects.cancelTimers.push(timerIdOf('wait', step, attempt));
      return;
    case 'CancellationRequested':
      effects.recall.push(...heldSlots());
      return;
    default:
      return;
  }
}

function queueOf(plan: Plan, step: string): string {
  const queue = plan.steps[plan.indexOf.get(step) ?? -1]?.queue;
  if (queue === undefined) throw new Error(`step "${step}" has no queue`);
  return queue;
}
