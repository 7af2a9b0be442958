import { kindOfHandlerQueue } from '../../domain/definition/kind-declaration.ts';
import type { HandoverTarget } from '../../domain/events.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { PlannedStep } from '../../domain/plan.ts';
import type { StepState } from '../../domain/state.ts';
import { agentIdOf } from '../agents/agent-names.ts';
import { targetName, targetOfQueue } from '../agents/handover-target.ts';
import { nearestAgents } from '../agents/nearest-agents.ts';
import type { Reason } from '../commands/reason.ts';
import type { RunSituation } from './run-situation.ts';
import { servesQueue } from '../engine/serves-queue.ts';
import { heldLease, isoTime, queueOf } from './step-view.ts';
import { toolCall } from '../tool-call.ts';

/** Why a task that was enqueued has no result yet. */
export function scheduledReason(
  situation: RunSituation,
  step: PlannedStep,
  record: StepState,
): Reason {
  const lease = heldLease(situation, step);
  if (situation.state.run.status === 'cancelling')
    return {
      kind: 'cancelling',
      step: step.id,
      message: lease
        ? `is being stopped; ${lease.owner} reports it, or its lease runs out at ${isoTime(lease.expiresAtMs)}.`
        : 'is being taken back, which any Baton process does (no program is needed for it).',
    };
  const attempt = `attempt ${record.attempt} of ${step.retry.maxAttempts}`;
  if (lease)
    return {
      kind: 'running',
      step: step.id,
      message: `${attempt} runs at ${nameOf(lease.owner)} since ${isoTime(lease.claimedAtMs)}; its lease runs until ${isoTime(lease.expiresAtMs)}${heartbeatOf(situation, step)}.`,
    };
  const queue = queueOf(step, record);
  const lost = situation.tasks.get(step.id)?.lease;
  const left = lost
    ? ` (${nameOf(lost.owner)} stopped renewing its lease at ${isoTime(lost.expiresAtMs)})`
    : '';
  const target = targetOfQueue(queue);
  if (target !== undefined) return offered(situation, step, `${attempt}${left}`, { queue, target });
  if (servesQueue(situation, queue))
    return {
      kind: 'queued',
      step: step.id,
      message: `${attempt} is queued in "${queue}"${depthOf(situation, queue)}${left}; a live worker serves that queue.`,
    };
  return {
    kind: 'no_worker',
    step: step.id,
    message: `${attempt} is queued in "${queue}"${left}, and no live worker serves that queue. ${remedyFor(situation, queue)}`,
  };
}

/** A task for agents: whoever is asked may be one of them. */
function offered(
  situation: RunSituation,
  step: PlannedStep,
  attempt: string,
  { queue, target }: { readonly queue: string; readonly target: HandoverTarget },
): Reason {
  const name = target.name ?? '';
  const given = `${attempt} is offered to ${targetName(target)}`;
  const depth = depthOf(situation, queue);
  if (servesQueue(situation, queue))
    return { kind: 'queued', step: step.id, message: `${given}${depth}; one was there lately.` };
  const claim: JsonObject =
    target.kind === 'agent' ? { agent_id: name } : { agent_id: 'your-name', capabilities: [name] };
  return {
    kind: 'no_worker',
    step: step.id,
    message: `${given}, and none was there in the last 15 minutes. ${nearestAgents(target, situation.agents)}An agent that can do it calls claim_task.`,
    next: toolCall('claim_task', claim),
  };
}

function nameOf(owner: string): string {
  return owner.startsWith('agent:') ? `agent ${agentIdOf(owner)}` : `worker ${owner}`;
}

function depthOf({ depths }: RunSituation, queue: string): string {
  const depth = depths?.get(queue);
  return depth === undefined ? '' : ` (${depth.waiting} waiting there, ${depth.leased} running)`;
}

/** What a person can change so that the queue is served. */
function remedyFor({ workers }: RunSituation, queue: string): string {
  const binary = /^shell:(.+)$/.exec(queue)?.[1];
  const others =
    workers.length === 0 ? 'No worker is alive' : `${workers.length} other(s) are alive`;
  const kind = kindOfHandlerQueue(queue);
  if (kind !== undefined)
    return `${others}: start one with "baton worker" (or any Baton server) whose setting handlers loads a file that defines "${kind}".`;
  if (binary === undefined) return `${others}: "baton worker" starts one.`;
  return `${others}: start one with "baton worker" (or any Baton server) whose setting shell.allow lists "${binary}".`;
}

function heartbeatOf(situation: RunSituation, step: PlannedStep): string {
  const heartbeat = situation.tasks.get(step.id)?.heartbeat;
  return heartbeat === undefined
    ? ''
    : `; last heartbeat ${JSON.stringify(heartbeat).slice(0, 200)}`;
}
