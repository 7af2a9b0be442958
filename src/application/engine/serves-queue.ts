import { isPresent, type AgentRecord } from '../agents/agent-registry.ts';
import { targetOfQueue } from '../agents/handover-target.ts';
import type { WorkerPresence } from './worker-presence.ts';

/** Who might claim tasks. */
export interface Performers {
  readonly workers: readonly WorkerPresence[];
  readonly agents: readonly AgentRecord[];
  readonly nowMs: number;
}

/** Whether somebody who is there claims from the queue. */
export function servesQueue({ workers, agents, nowMs }: Performers, queue: string): boolean {
  const target = targetOfQueue(queue);
  if (target === undefined) return workers.some((worker) => worker.queues.includes(queue));
  return agents.some(
    (agent) =>
      isPresent(agent, nowMs) &&
      (target.kind === 'agent'
        ? agent.agentId === target.name
        : agent.capabilities.includes(target.name ?? '')),
  );
}
