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
import { readStoredQueue } from '../access/tenant-names.ts';
import {
  seesInstallation,
  shownBreakers,
  shownQueues,
  shownWorkers,
} from '../access/tenant-view.ts';
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
  /** The message bus and the key-value store; absent when the store does not answer, and for other tenants. */
  readonly bus?: BusHealth;
  readonly queues: readonly QueueDepth[];
  readonly workers: readonly WorkerPresence[];
  /** Workers, the queues that all share and what the store holds are left out: they are not this tenant's. */
  readonly isOwnOnly?: true;
  /** What is known to be down: the store, what steps talk to, agents. */
  readonly breakers: readonly SeenBreaker[];
}

/**
 * How the store, the queues and the workers are. Answers also when the store does not. Who is not of the default tenant is
 * told of its own queues, agents and targets, and whether the store works and anybody runs steps.
 */
export function createGetHealth({
  store,
  clock,
  breakers: own,
}: ApplicationPorts): UseCase<GetHealthInput, Health> {
  return async (context) => {
    const { tenant } = context;
    try {
      const [description, depths, workers, agents, bus, heldBack] = await Promise.all([
        store.describe(),
        store.queueDepths(),
        listWorkers(store),
        recentAgents({ store, clock }, tenant),
        seesInstallation(context) ? checkBus({ store, clock }, tenant) : undefined,
        listHeldBackAgents({ store, clock }, tenant),
      ]);
      const performers = { workers, agents, nowMs: clock.now() };
      const breakers = [...shownBreakers(context, seenBreakers(own, workers)), ...heldBack];
      const queues = shownQueues(context, depths);
      const shownStore = seesInstallation(context) ? description : plainly(description);
      const reasons = [
        ...(shownStore.warnings ?? []),
        ...reasonsOf(queues, performers),
        ...breakers.map(breakerText),
      ];
      const status = reasons.length === 0 ? 'ok' : 'degraded';
      const shown = { queues, breakers, workers: shownWorkers(context, workers) };
      const value = { reasons, store: shownStore, ...(bus && { bus }), ...shown };
      const isOwnOnly = !seesInstallation(context);
      return { ok: true, value: { status, ...value, ...(isOwnOnly && { isOwnOnly }) } };
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      const why = seesInstallation(context) ? `: ${error.message}` : '';
      const breakers = shownBreakers(context, own?.list() ?? []);
      const value = { reasons: [`the store does not answer${why}`], queues: [], workers: [] };
      return { ok: true, value: { status: 'degraded', ...value, breakers } };
    }
  };
}

/** Where it stands, how it is set up and how much it holds is the installation's. */
function plainly({ kind, durability, schemaVersion }: StoreDescription): StoreDescription {
  return { kind, location: 'the server', durability, schemaVersion, details: {} };
}

function reasonsOf(queues: readonly QueueDepth[], performers: Performers): string[] {
  const { workers } = performers;
  const unserved = queues
    .filter(({ queue, waiting }) => waiting > 0 && isOwn(queue) && !servesQueue(performers, queue))
    .map(({ queue, waiting }) => `${waiting} task(s) wait ${whoseFault(queue)}`);
  return workers.length === 0
    ? [
        'no worker is alive that may run steps (the settings shell.allow and handlers say what they may run)',
        ...unserved,
      ]
    : unserved;
}

/** Whether the agents of another tenant are there, that tenant is told. */
function isOwn(queue: string): boolean {
  return readStoredQueue(queue).name === queue;
}

function whoseFault(queue: string): string {
  const target = targetOfQueue(queue);
  return target === undefined
    ? `in "${queue}", which no live worker serves`
    : `for ${targetName(target)}, and none was there in the last 15 minutes`;
}
