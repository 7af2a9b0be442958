import { createCockatielBreakers } from '../adapters/cockatiel/cockatiel-breakers.ts';
import { systemClock } from '../adapters/system/system-clock.ts';
import type { Breakers } from '../ports/breakers.ts';
import type { Logger } from '../ports/logger.ts';
import { STORE_TARGET } from './guarded-store.ts';

/**
 * One failure is enough, as it has cost a caller seconds, and the first probe follows at once: where nothing was wrong
 * the breaker is closed again within milliseconds. A lease is renewed every few seconds, so a quarter of one is often
 * enough.
 */
const STORE_SETTINGS = { failures: 1, pausesMs: [0, 50, 100, 250], maxProbeMs: 10_000 };

/** Targets of steps: somebody else's servers, which are not to be pressed while they recover. */
const TARGET_SETTINGS = {
  failures: 5,
  pausesMs: [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000],
  maxProbeMs: 60_000,
};

/** Never set back, unlike the time of day. */
export function elapsedMs(): number {
  return performance.now();
}

export function createProcessBreakers(logger: Logger): Breakers {
  return createCockatielBreakers({
    logger,
    clock: systemClock,
    elapsedMs,
    settingsOf: (target) => (target === STORE_TARGET ? STORE_SETTINGS : TARGET_SETTINGS),
  });
}
