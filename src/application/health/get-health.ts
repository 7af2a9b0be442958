import { z } from 'zod';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import type { StoreDescription } from '../../ports/store.ts';
import type { QueueDepth } from '../../ports/work-source.ts';
import { servesQueue, type Performers } from '../engine/serves-queue.ts';
import { recentAgents } from '../agents/agent-registry.ts';
import { listHeldBackAgents } from '../agents/agent-breaker.ts';
import { breakerText, seenBreakers, type SeenBreaker } from './breaker-health.ts';
import { checkBus, type BusHealth } from '../bus/bus-health.ts';
import { targetName, targetOfQueue } from '../agents/handover-target.ts';
import type { ApplicationPorts, UseCase } from '../use-case.ts';
import { listWorkers, type WorkerPresence } from '../engine/worker-presence.ts';

export const getHealthInputSchema = z.object({});
export type GetHealthInput = z.infer<typeof getHealthInputSchema>;

export interface Health {
  readonly status: 'ok' | 'degraded';
  /** Why it is degraded; empty when it is not. */
  readonly reasons: readonly string[];
  /** Absent when the store does not answer. */
  readonly store?: StoreDescription;
  /** The message bus and the key-value store; absent when the store does not answer. */
  readonly bus?: BusHealth;
  readonly queues: readonly QueueDepth[];
  readonly workers: readonly WorkerPresence[];
  /** What is known to be down: the store, what steps talk to, agents. */
  readonly breakers: readonly SeenBreaker[];
}

/** How the store, the queues and the workers are. Answers also when the store does not. */
export function createGetHealth({
  store,
  clock,
  breakers: own,
}: ApplicationPorts): UseCase<GetHealthInput, Health> {
  return async ({ tenant }) => {
    try {
      const [description, queues, workers, agents, bus, heldBack] = await Promise.all([
        store.describe(),
        store.queueDepths(),
        listWorkers(store),
        recentAgents({ store, clock }, tenant),
        checkBus({ store, clock }, tenant),
        listHeldBackAgents({ store, clock }, tenant),
      ]);
      const performers = { workers, agents, nowMs: clock.now() };
      const breakers = [...seenBreakers(own, workers), ...heldBack];
      const reasons = [
        ...(description.warnings ?? []),
        ...reasonsOf(queues, performers),
        ...breakers.map(breakerText),
      ];
      const status = reasons.length === 0 ? 'ok' : 'degraded';
      const value = { reasons, store: description, bus, queues, workers, breakers };
      return { ok: true, value: { status, ...value } };
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      const reasons = [`the store does not answer: ${error.message}`];
      const breakers = own?.list() ?? [];
      const value = { reasons, queues: [], workers: [], breakers };
      return { ok: true, value: { status: 'degraded', ...value } };
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
