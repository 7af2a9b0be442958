import type { Clock } from '../../ports/clock.ts';
import type { IdSource } from '../../ports/id-source.ts';
import { isBusy } from './sqlite-failure.ts';

/** How long an operation waits for other processes' locks, and the longest pause between two tries. */
export const LOCK_WAIT_MS = 5_000;
const MAX_PAUSE_MS = 20;

export interface Pacing {
  readonly clock: Clock;
  readonly ids: IdSource;
}

/** A short random pause: two processes that met at the lock do not meet again in step. */
export function pauseMs({ ids }: Pacing): number {
  return 1 + ids.random() * MAX_PAUSE_MS;
}

/**
 * Tries again, without blocking the thread, while another process holds a lock; after `LOCK_WAIT_MS` the busy error
 * itself comes out.
 */
export async function retryWhileBusy<T>(pacing: Pacing, attempt: () => T): Promise<T> {
  for (let waitedMs = 0; ;) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error) || waitedMs >= LOCK_WAIT_MS) throw error;
    }
    const pause = pauseMs(pacing);
    waitedMs += pause;
    await pacing.clock.sleep(pause);
  }
}
