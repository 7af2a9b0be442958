import { z } from 'zod';
import type { Clock } from '../ports/clock.ts';
import type { KeyValueStore } from '../ports/key-value-store.ts';
import type { Logger } from '../ports/logger.ts';
import { StoreUnavailableError } from '../ports/run-store.ts';

const WORKERS_NAMESPACE = 'workers';
const PRESENCE_TTL_MS = 15_000;
const ANNOUNCE_EVERY_MS = 5_000;

const workerPresenceSchema = z.object({
  workerId: z.string(),
  queues: z.array(z.string()),
  pid: z.number().int(),
  host: z.string(),
  /** Tasks it runs, and how many it would run now. */
  busy: z.number().int(),
  limit: z.number().int(),
  startedAtMs: z.number(),
});
/** What a worker says of itself; gone some 15 s after it died. */
export type WorkerPresence = z.infer<typeof workerPresenceSchema>;

export async function listWorkers(store: KeyValueStore): Promise<WorkerPresence[]> {
  const entries = await store.listValues(WORKERS_NAMESPACE);
  return entries.flatMap(({ value }) => workerPresenceSchema.safeParse(value).data ?? []);
}

/** Announces the worker until the signal aborts, then takes the announcement back. */
export async function runPresence(ports: {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  describe(): WorkerPresence;
}): Promise<void> {
  const { store, clock, logger, signal } = ports;
  const { workerId } = ports.describe();
  const tryTo = async (write: () => Promise<unknown>): Promise<void> => {
    try {
      await write();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      logger.debug({ reason: error.message }, 'could not announce this worker');
    }
  };
  while (!signal.aborted) {
    await tryTo(() =>
      store.setValue(WORKERS_NAMESPACE, workerId, ports.describe(), { ttlMs: PRESENCE_TTL_MS }),
    );
    await clock.sleep(ANNOUNCE_EVERY_MS, signal);
  }
  await tryTo(() => store.deleteValue(WORKERS_NAMESPACE, workerId));
}
