import type { Clock } from '../../src/ports/clock.ts';

export interface ManualClock extends Clock {
  /**
   * Moves time on by `ms`, stopping at every sleeper on the way: each wakes at its own due time, in order of due
   * time, then of falling asleep, and what it starts (sleeping again included) runs before the next one wakes. What was
   * started before the call runs first.
   */
  advance(ms: number): Promise<void>;
  /** How many sleep at this moment. */
  sleeping(): number;
}

interface Sleeper {
  readonly dueAtMs: number;
  readonly wake: () => void;
}

/** A clock that stands still until the test moves it. */
export function createManualClock(startMs = 1_700_000_000_000): ManualClock {
  let nowMs = startMs;
  // Kept in waking order: a sleeper goes behind all that are due no later than itself.
  const sleepers: Sleeper[] = [];

  const remove = (sleeper: Sleeper): void => {
    const at = sleepers.indexOf(sleeper);
    if (at >= 0) sleepers.splice(at, 1);
  };

  return {
    now: () => nowMs,
    sleeping: () => sleepers.length,

    sleep: (delayMs, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) {
          resolve();
          return;
        }
        const wake = (): void => {
          remove(sleeper);
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        const sleeper: Sleeper = { dueAtMs: nowMs + Math.max(0, delayMs), wake };
        const later = sleepers.findIndex((other) => other.dueAtMs > sleeper.dueAtMs);
        sleepers.splice(later < 0 ? sleepers.length : later, 0, sleeper);
        signal?.addEventListener('abort', wake, { once: true });
      }),

    advance: async (ms) => {
      await settle();
      const untilMs = nowMs + ms;
      for (let next = sleepers[0]; next && next.dueAtMs <= untilMs; next = sleepers[0]) {
        nowMs = next.dueAtMs;
        next.wake();
        await settle();
      }
      nowMs = untilMs;
      await settle();
    },
  };
}

/** Lets promises and the stores' grouped writes (which run on setImmediate) finish. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => setImmediate(resolve));
  });
}
