import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import { StoreUnavailableError, type RunStore } from '../../ports/run-store.ts';

const PURGE_EVERY_MS = 60_000;
/**
 * Between the batches of a purge that has more to do: as long as the last one took, so that commits get at least half of
 * the store's time, and runs go as fast as an engine can finish them (a fixed pause of 100 ms removed 500 a second at most,
 * a tenth of that).
 */
const MIN_BUSY_PAUSE_MS = 5;
/** Small, so that a purge never holds up commits for long. */
const RUNS_PER_PURGE = 50;

export interface RetentionRule {
  /** Finished runs are kept this long; … */
  readonly keepMs: number;
  /** … and at most this many of them per tenant. */
  readonly keepRuns: number;
}

/** Removes finished runs past the rule, for ever, in small batches. Running runs are never touched. */
export async function runRetention(ports: {
  readonly store: RunStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rule: RetentionRule;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { store, clock, logger, rule, signal } = ports;
  let pauseMs = PURGE_EVERY_MS;
  while (!signal.aborted) {
    await clock.sleep(pauseMs, signal);
    pauseMs = PURGE_EVERY_MS;
    const startedAtMs = clock.now();
    try {
      const removed = await store.purgeFinished({
        finishedBeforeMs: clock.now() - rule.keepMs,
        keepNewest: rule.keepRuns,
        limit: RUNS_PER_PURGE,
      });
      if (removed === RUNS_PER_PURGE)
        pauseMs = Math.max(MIN_BUSY_PAUSE_MS, Math.min(PURGE_EVERY_MS, clock.now() - startedAtMs));
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      logger.debug({ reason: error.message }, 'retention waits for the store');
    }
  }
}
