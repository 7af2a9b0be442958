import { z } from 'zod';
import { StoreUnavailableError } from '../ports/run-store.ts';
import type { StoreDescription } from '../ports/store.ts';
import type { QueueDepth } from '../ports/work-source.ts';
import { servesQueue } from './serves-queue.ts';
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
export function createGetHealth({ store }: ApplicationPorts): UseCase<GetHealthInput, Health> {
  return async () => {
    try {
      const [description, queues, workers] = await Promise.all([
        store.describe(),
        store.queueDepths(),
        listWorkers(store),
      ]);
      const reasons = reasonsOf(queues, workers);
      const status = reasons.length === 0 ? 'ok' : 'degraded';
      return { ok: true, value: { status, reasons, store: description, queues, workers } };
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      const reasons = [`the store does not answer: ${error.message}`];
      return { ok: true, value: { status: 'degraded', reasons, queues: [], workers: [] } };
    }
  };
}

function reasonsOf(queues: readonly QueueDepth[], workers: readonly WorkerPresence[]): string[] {
  const unserved = queues
    .filter(({ queue, waiting }) => waiting > 0 && !servesQueue(workers, queue))
    .map(
      ({ queue, waiting }) => `${waiting} task(s) wait in "${queue}", which no live worker serves`,
    );
  return workers.length === 0
    ? [
        'no worker is alive that may run steps (the setting shell.allow lists what they may run)',
        ...unserved,
      ]
    : unserved;
}
