import { z } from 'zod';
import { openBreakerSchema } from '../health/breaker-health.ts';
import type { Clock } from '../../ports/clock.ts';
import type { KeyValueStore } from '../../ports/key-value-store.ts';
import type { Logger } from '../../ports/logger.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';

const WORKERS_NAMESPACE = 'workers';
const PRESENCE_TTL_MS = 15_000;
const ANNOUNCE_EVERY_MS = 5_000;
/** After an announcement that failed: the others miss this worker. */
const TRY_AGAIN_MS = 500;

const workerPresenceSchema = z.object({
  workerId: z.string(),
  queues: z.array(z.string()),
  pid: z.number().int(),
  host: z.string(),
  /** Tasks it runs, and how many it would run now. */
  busy: z.number().int(),
  limit: z.number().int(),
  startedAtMs: z.number(),
  /** Of what its steps talk to. Absent: none is open. */
  breakers: z.array(openBreakerSchema).optional(),
});
/** What a worker says of itself; gone some 15 s after it died. */
export type WorkerPresence = z.infer<typeof workerPresenceSchema>;

/** Leases that a worker tells of: the ones it has held longest. */
export const MAX_TOLD_LEASES = 16;

const workerActivitySchema = workerPresenceSchema.extend({
  /** Absent of workers that know nothing of it yet. */
  holds: z
    .array(
      z.object({
        tenant: z.string(),
        runId: z.string(),
        step: z.string(),
        sinceMs: z.number(),
      }),
    )
    .max(MAX_TOLD_LEASES)
    .optional(),
  finished: z
    .object({
      /** Since the process started, and within its last `recentMs`. */
      steps: z.number().int(),
      runs: z.number().int(),
      recentSteps: z.number().int(),
      recentRuns: z.number().int(),
      recentMs: z.number(),
    })
    .optional(),
});
/** What a worker was doing when it last announced itself, at most 5 s ago. */
export type WorkerActivity = z.infer<typeof workerActivitySchema>;

export async function listWorkers(store: KeyValueStore): Promise<WorkerPresence[]> {
  const entries = await store.listValues(WORKERS_NAMESPACE);
  return entries.flatMap(({ value }) => workerPresenceSchema.safeParse(value).data ?? []);
}

export async function listActivity(store: KeyValueStore): Promise<WorkerActivity[]> {
  const entries = await store.listValues(WORKERS_NAMESPACE);
  return entries.flatMap(({ value }) => workerActivitySchema.safeParse(value).data ?? []);
}

/** Announces the worker until the signal aborts, then takes the announcement back. */
export async function runPresence(ports: {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  describe(): WorkerActivity;
}): Promise<void> {
  const { store, clock, logger, signal } = ports;
  const { workerId } = ports.describe();
  const tryTo = async (write: () => Promise<unknown>): Promise<boolean> => {
    try {
      await write();
      return true;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      logger.debug({ reason: error.message }, 'could not announce this worker');
      return false;
    }
  };
  while (!signal.aborted) {
    const isAnnounced = await tryTo(() =>
      store.setValue(WORKERS_NAMESPACE, workerId, ports.describe(), { ttlMs: PRESENCE_TTL_MS }),
    );
    await clock.sleep(isAnnounced ? ANNOUNCE_EVERY_MS : TRY_AGAIN_MS, signal);
  }
  await tryTo(() => store.deleteValue(WORKERS_NAMESPACE, workerId));
}
