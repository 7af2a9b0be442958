import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import type { Claimed } from '../../ports/work-source.ts';
import type { WakeSignal } from './wake-signal.ts';

/** Looks again at least this often, should every wake-up be lost. */
const MAX_IDLE_MS = 5_000;
const UNAVAILABLE_PAUSE_MS = 200;

/**
 * Claims and performs work until stopped. `claim` answers what to do now; the loop sleeps when there is nothing,
 * until a wake-up or the next due time. An unavailable store is waited out; a defect ends the loop (and is thrown),
 * because going on as if nothing had happened would hide lost work.
 */
export async function runWorkLoop<Work>(loop: {
  readonly clock: Clock;
  readonly wake: WakeSignal;
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** `undefined`: no room for work now; `wake` tells when there is. */
  claim(): Promise<Claimed<Work> | undefined>;
  /** Must not reject; may go on after it returns. */
  perform(work: Work): Promise<void>;
}): Promise<void> {
  const { clock, wake, signal, logger } = loop;
  let isAway = false;
  while (!signal.aborted) {
    try {
      const claimed = await loop.claim();
      isAway = false;
      for (const work of claimed?.work ?? []) await loop.perform(work);
      if (claimed === undefined || claimed.work.length === 0)
        await wake.wait(idleMs(claimed?.nextDueAtMs, clock.now()), signal);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      // Once for each time it goes away: it is tried several times a second.
      logger[isAway ? 'debug' : 'warn'](
        { reason: error.message },
        'store unavailable; trying again',
      );
      isAway = true;
      await clock.sleep(UNAVAILABLE_PAUSE_MS, signal);
    }
  }
}

function idleMs(nextDueAtMs: number | undefined, nowMs: number): number {
  if (nextDueAtMs === undefined) return MAX_IDLE_MS;
  return Math.min(MAX_IDLE_MS, Math.max(1, nextDueAtMs - nowMs));
}
