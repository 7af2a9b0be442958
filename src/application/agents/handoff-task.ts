import { z } from 'zod';
import { agentNameSchema } from '../../domain/definition/agent-kind.ts';
import type { HandoverTarget } from '../../domain/events.ts';
import { AgentBreaker } from './agent-breaker.ts';
import { listAgents, type AgentRecord } from './agent-registry.ts';
import { agentIdOf } from './agent-names.ts';
import { digestOf, jsonValueSchema, payloadProblem } from '../call-arguments.ts';
import { findHeldTask, refusedWhileHeld, reportedOr, type FoundTask } from './held-task.ts';
import { targetName } from './handover-target.ts';
import { nearestAgents } from './nearest-agents.ts';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import { taskTokenSchema } from './report-task.ts';
import { toolCall } from '../tool-call.ts';
import type { ApplicationPorts, UseCase, UseCaseResult } from '../use-case.ts';

export const handoffTaskInputSchema = z.object({
  task: taskTokenSchema,
  to_capability: agentNameSchema.optional(),
  to_agent: agentNameSchema.optional(),
  to_person: z.string().trim().min(1).max(100).optional().describe('A name, or "anyone"'),
  note: z.string().max(4_000).optional().describe('What is done, what is left'),
  context: jsonValueSchema('What the next holder needs').optional(),
});
export type HandoffTaskInput = z.infer<typeof handoffTaskInputSchema>;

export interface HandedTask {
  readonly run_id: string;
  readonly step_id: string;
  /** In words. */
  readonly to: string;
  readonly duplicate?: true;
  readonly next: readonly string[];
}

/**
 * Gives a held task to another agent, to any agent with a capability, or to people, with note, context and the last
 * heartbeat; the attempt stays the same. Refused, and the task kept, where nobody of that name was ever seen.
 */
export function createHandoffTask(ports: ApplicationPorts): UseCase<HandoffTaskInput, HandedTask> {
  return (context, input) =>
    translatingErrors<HandedTask>('unknown', async () => {
      const found = await findHeldTask(ports, context, input.task);
      if (!found.ok) return found;
      const to = targetOf(input);
      if (!to.ok) return refusedWhileHeld(ports, found.value, to);
      const fits = checkHandover(input, to.value, await listAgents(ports.store, context.tenant));
      if (!fits.ok) return refusedWhileHeld(ports, found.value, fits);
      const { lease, attempt } = found.value;
      const { tasks } = await ports.store.openWork(lease.key);
      const heartbeat = tasks.find(({ slot }) => slot === lease.id)?.heartbeat;
      const outcome = await ports.execute(lease.key, {
        command: {
          type: 'HandOverTask',
          step: lease.id,
          attempt,
          to: to.value,
          from: lease.owner,
          ...(input.note !== undefined && { note: input.note }),
          ...(input.context !== undefined && { context: input.context }),
          ...(heartbeat !== undefined && { heartbeat }),
        },
        commandId: `handover:${lease.id}#${attempt}@${lease.fence}`,
        actor: lease.owner,
        causationId: context.causationId,
        hasCaller: true,
        ...(context.traceparent !== undefined && { traceparent: context.traceparent }),
        digest: digestOf(JSON.stringify([to.value, input.note, input.context])),
        acknowledge: lease,
      });
      const reported =
        outcome.kind === 'keyReused'
          ? handedToAnother(found.value)
          : reportedOr(outcome, found.value);
      // What refuses it may be what somebody else did with the task since.
      if (!reported.ok)
        return outcome.kind === 'rejected'
          ? refusedWhileHeld(ports, found.value, reported)
          : reported;
      const agent = { tenant: context.tenant, agentId: agentIdOf(lease.owner) };
      await new AgentBreaker(ports, agent).letGo(input.task.trim());
      const next = [
        toolCall('claim_task', { agent_id: agentIdOf(lease.owner) }),
        toolCall('await_workflow', { run_id: lease.key.runId }),
      ];
      return {
        ok: true,
        value: {
          run_id: lease.key.runId,
          step_id: lease.id,
          to: targetName(to.value),
          ...(reported.value.isRepetition && { duplicate: true }),
          next,
        },
      };
    });
}

function targetOf(input: HandoffTaskInput): UseCaseResult<HandoverTarget> {
  const { to_capability, to_agent, to_person } = input;
  const targets: HandoverTarget[] = [];
  if (to_capability !== undefined) targets.push({ kind: 'capability', name: to_capability });
  if (to_agent !== undefined) targets.push({ kind: 'agent', name: to_agent });
  if (to_person !== undefined)
    targets.push(to_person === 'anyone' ? { kind: 'person' } : { kind: 'person', name: to_person });
  const [target] = targets;
  if (target !== undefined && targets.length === 1) return { ok: true, value: target };
  return failure({
    code: 'invalid_arguments',
    message: 'Give exactly one of to_capability, to_agent and to_person; the task is still yours.',
    changed: 'nothing',
    next: 'list_catalog {"kind":"agents"} shows who there is.',
  });
}

function checkHandover(
  { context = null }: HandoffTaskInput,
  to: HandoverTarget,
  agents: readonly AgentRecord[],
): UseCaseResult<undefined> {
  const problem = payloadProblem(context, 'context');
  if (problem) {
    const message = `${problem.message}; the task is still yours.`;
    return failure({ ...problem, message, changed: 'nothing' });
  }
  if (to.kind === 'person' || isKnown(to, agents)) return { ok: true, value: undefined };
  return failure({
    code: 'no_worker',
    message: `No agent of this store was ever ${to.kind === 'agent' ? `called "${to.name}"` : `registered with "${to.name}"`}: the task would wait for nobody. It is still yours.`,
    changed: 'nothing',
    next: `${nearestAgents(to, agents)}list_catalog {"kind":"agents"} shows who there is; to_person "anyone" asks people.`,
  });
}

function handedToAnother({ lease, attempt }: FoundTask) {
  return failure({
    code: 'already_reported',
    message: `Attempt ${attempt} of step "${lease.id}" was handed over before, to another or with other words, which stands.`,
    changed: 'nothing',
    next: 'Call claim_task for the next task. get_workflow shows who has this one.',
  });
}

function isKnown(to: HandoverTarget, agents: readonly AgentRecord[]): boolean {
  return agents.some(({ agentId, capabilities }) =>
    to.kind === 'agent' ? agentId === to.name : capabilities.includes(to.name ?? ''),
  );
}
