import { z } from 'zod';
import type { KeyValueStore } from '../ports/key-value-store.ts';

/** Where workers announce themselves; an entry outlives its worker by at most its time to live. */
export const WORKERS_NAMESPACE = 'workers';

export const workerPresenceSchema = z.object({
  workerId: z.string(),
  queues: z.array(z.string()),
  pid: z.number(),
  host: z.string(),
  /** Steps it runs now, and may run at once. */
  busy: z.number(),
  limit: z.number(),
  startedAtMs: z.number(),
});
export type WorkerPresence = z.infer<typeof workerPresenceSchema>;

/** Workers that announced themselves within their time to live. Entries of a shape that is not known are left out. */
export async function liveWorkers(store: KeyValueStore): Promise<readonly WorkerPresence[]> {
  const entries = await store.listValues(WORKERS_NAMESPACE);
  return entries.flatMap(({ value }) => workerPresenceSchema.safeParse(value).data ?? []);
}

export function servesQueue(workers: readonly WorkerPresence[], queue: string): boolean {
  return workers.some((worker) => worker.queues.includes(queue));
}
