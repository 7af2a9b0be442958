import { assertNever } from './assert-never.ts';
import type { EventBody, EventOf } from './events.ts';
import { Fold } from './fold.ts';
import type { Plan } from './plan.ts';
import type { RunState, StepState } from './state.ts';

/**
 * Folds one event into the state, in place. Pure otherwise: plan, state and event alone decide the result, so the
 * same history gives the same state anywhere (I8). Never evaluates an expression: what was evaluated stands
 * in the event. Throws for an event that no version of `decide` can have written (a defect, not an operational error).
 */
export function evolve(plan: Plan, state: RunState, event: EventBody, occurredAtMs: number): void {
  apply(new Fold(plan, state, occurredAtMs, 1), event);
}

/**
 * Folds more of an event that was already counted: `decide` grows the last list event of a decision
 * instead of writing many.
 */
export function evolveMore(plan: Plan, state: RunState, event: EventBody, nowMs: number): void {
  apply(new Fold(plan, state, nowMs, 0), event);
}

/** The attempt is offered anew when the time has come: the one before it counts as the last. */
function postponed(event: EventOf<'StepPostponed'>): Partial<StepState> {
  const { attempt, target, sinceMs, reason, untilMs, count, heartbeat } = event;
  return {
    status: 'retrying',
    attempt: attempt - 1,
    dueAtMs: untilMs,
    postponed: { target, sinceMs, reason, count },
    ...(heartbeat !== undefined && { heartbeat }),
  };
}

function apply(fold: Fold, event: EventBody): void {
  switch (event.type) {
    case 'WorkflowStarted':
      return fold.started(event);
    case 'StepsScheduled':
      return event.steps.forEach((step) => fold.scheduled(step));
    case 'StepWaiting':
      return fold.waiting(event);
    case 'StepStarted':
      return fold.change(event.step, { begun: true, worker: event.worker });
    case 'StepCompleted':
      return fold.completed(event);
    case 'ContractViolated':
      return fold.violated(event);
    case 'StepAttemptFailed':
      return fold.attemptFailed(event);
    case 'StepFailed':
      return fold.failed(event);
    case 'StepsSkipped':
      return event.steps.forEach((step) =>
        fold.settle(step.step, { status: 'skipped', skipReason: step.reason }),
      );
    case 'StepPostponed':
      return fold.change(event.step, postponed(event));
    case 'StepReadied':
      return fold.readied(event);
    case 'StepOutcomeUnknown':
      return fold.outcomeUnknown(event);
    case 'StepsCancelled':
      return event.steps.forEach((step) => fold.settle(step.step, { status: 'cancelled' }));
    case 'ApprovalRequested':
      return fold.approvalRequested(event);
    case 'ApprovalResolved':
      return fold.approvalResolved(event);
    case 'TaskHandedOver':
      return fold.handedOver(event);
    case 'CheckpointCreated':
      return fold.checkpointed(event);
    case 'SignalReceived':
      return fold.signalled(event);
    case 'WorkflowPaused':
      return fold.lifecycle('pause', { reason: event.reason });
    case 'WorkflowResumed':
      return fold.lifecycle('resume', { reason: event.reason });
    case 'CancellationRequested':
      return fold.lifecycle('cancel', { reason: event.reason });
    case 'WorkflowCompleted':
      return fold.finish('complete', { output: event.output });
    case 'WorkflowFailed':
      return fold.finish('fail', { error: event.error });
    case 'WorkflowCancelled':
      return fold.cancelled();
    default:
      return assertNever(event);
  }
}
