import { z } from 'zod';
import { StoreUnavailableError } from '../ports/run-store.ts';
import type { StoreDescription } from '../ports/store.ts';
import type { QueueDepth } from '../ports/work-source.ts';
import { servesQueue, type Performers } from './serves-queue.ts';
import { listAgents } from './agent-registry.ts';
import { targetName, targetOfQueue } from './handover-target.ts';
import type { ApplicationPorts, UseCase } from './use-case.ts';
import { listWorkers, type WorkerPresence } from './worker-presence.ts';

export const getHealthInputSchema = z.object({});
export type GetHealthInput = z.infer<typeof getHealthInputSchema>;

export interface Health {
  readonly status: 'ok' | 'degraded';
  /** Why it is degraded; empty when it is not. */
  readonly reasons: readonly string[];
  /** Absent when the store does not answer. */
  readonly store?: StoreDescription;
  readonly queues: readonly QueueDepth[];
  readonly workers: readonly WorkerPresence[];
}

/** How the store, the queues and the workers are. Answers also when the store does not. */
export function createGetHealth({
  store,
  clock,
}: ApplicationPorts): UseCase<GetHealthInput, Health> {
  return async ({ tenant }) => {
    try {
      const [description, queues, workers, agents] = await Promise.all([
        store.describe(),
        store.queueDepths(),
        listWorkers(store),
        listAgents(store, tenant),
      ]);
      const performers = { workers, agents, nowMs: clock.now() };
      const reasons = [...(description.warnings ?? []), ...reasonsOf(queues, performers)];
      const status = reasons.length === 0 ? 'ok' : 'degraded';
      return { ok: true, value: { status, reasons, store: description, queues, workers } };
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      const reasons = [`the store does not answer: ${error.message}`];
      return { ok: true, value: { status: 'degraded', reasons, queues: [], workers: [] } };
    }
  };
}

function reasonsOf(queues: readonly QueueDepth[], performers: Performers): string[] {
  const { workers } = performers;
  const unserved = queues
    .filter(({ queue, waiting }) => waiting > 0 && !servesQueue(performers, queue))
    .map(({ queue, waiting }) => `${waiting} task(s) wait ${whoseFault(queue)}`);
  return workers.length === 0
    ? [
        'no worker is alive that may run steps (the settings shell.allow and handlers say what they may run)',
        ...unserved,
      ]
    : unserved;
}

function whoseFault(queue: string): string {
  const target = targetOfQueue(queue);
  return target === undefined
    ? `in "${queue}", which no live worker serves`
    : `for ${targetName(target)}, and none was there in the last 15 minutes`;
}
