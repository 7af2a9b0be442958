import type { Clock } from '../../ports/clock.ts';

/** setTimeout fires at once for anything longer (a signed 32-bit number of milliseconds). */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The wall clock of this machine. It may jump when the machine's time is set. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (delayMs, signal) => {
    let leftMs = delayMs;
    while (leftMs > MAX_TIMER_MS && signal?.aborted !== true) {
      await sleepOnce(MAX_TIMER_MS, signal);
      leftMs -= MAX_TIMER_MS;
    }
    await sleepOnce(leftMs, signal);
  },
};

function sleepOnce(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, delayMs));
    signal?.addEventListener('abort', end, { once: true });
  });
}
