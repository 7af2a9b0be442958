import { agentTargetOf } from './definition/agent-kind.ts';
import type { EventBody } from './events.ts';
import { stepById, type Plan } from './plan.ts';

/**
 * Under which topics an event of a run is found. They follow from the event and the plan alone, so nothing of them is
 * stored, and a topic added here is there for events of the past too.
 *
 * | topic                       | events                                                                        |
 * | --------------------------- | ----------------------------------------------------------------------------- |
 * | `runs.<run id>.<event>`     | every event, its type in snake case: `runs.abc.step_completed`                |
 * | `agents.<name>.tasks`       | an agent's task was scheduled or handed over; `<name>` is the capability or agent |
 * | `agents.results`            | an agent's task ended: completed, failed (to be retried or not), outcome unknown |
 * | `approvals.requested`       | a person is asked                                                             |
 * | `approvals.resolved`        | answered, rejected or expired                                                 |
 *
 * Without a plan those that need one are left out.
 */
export function topicsOf(runId: string, event: EventBody, plan?: Plan): readonly string[] {
  const own = `runs.${runId}.${snakeCase(event.type)}`;
  switch (event.type) {
    case 'StepsScheduled':
      return [own, ...new Set(event.steps.flatMap((step) => taskTopic(queueOf(step, plan))))];
    case 'TaskHandedOver':
      return [own, ...taskTopic(event.queue)];
    case 'StepCompleted':
    case 'StepAttemptFailed':
    case 'StepFailed':
    case 'StepOutcomeUnknown':
      return plan && stepById(plan, event.step)?.performer === 'agent'
        ? [own, 'agents.results']
        : [own];
    case 'ApprovalRequested':
      return [own, 'approvals.requested'];
    case 'ApprovalResolved':
      return [own, 'approvals.resolved'];
    default:
      return [own];
  }
}

const NEEDS_PLAN: ReadonlySet<EventBody['type']> = new Set([
  'StepsScheduled',
  'StepCompleted',
  'StepAttemptFailed',
  'StepFailed',
  'StepOutcomeUnknown',
]);

/** Whether the plan adds topics to those that the event has without. */
export function hasTopicsOfPlan(event: EventBody): boolean {
  return NEEDS_PLAN.has(event.type);
}

/** A dot would begin another level: the agent `code.review` has the topic `agents.code~review.tasks`. */
export function taskTopicOf(name: string): string {
  return `agents.${name.replaceAll('.', '~')}.tasks`;
}

function taskTopic(queue: string | undefined): string[] {
  const target = queue === undefined ? undefined : agentTargetOf(queue);
  if (target === undefined) return [];
  return [taskTopicOf('agent' in target ? target.agent : target.capability)];
}

function queueOf(
  scheduled: { readonly step: string; readonly queue?: string | undefined },
  plan: Plan | undefined,
): string | undefined {
  return scheduled.queue ?? (plan && stepById(plan, scheduled.step)?.queue);
}

/** The last level of an event's own topic. */
export function snakeCase(type: string): string {
  return type.replaceAll(/(?<=.)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}
