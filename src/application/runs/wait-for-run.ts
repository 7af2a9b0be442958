import type { RunKey } from '../../ports/run-store.ts';
import type { ApplicationPorts } from '../use-case.ts';
import { WakeSignal } from '../engine/wake-signal.ts';

/** Looks again at least this often, should a change go unannounced. */
const MAX_PAUSE_MS = 5_000;
/** A run that changes all the time is not read more often than this. */
const MIN_PAUSE_MS = 20;

/**
 * Calls `look` until it answers something, `untilMs` has passed or the caller is gone; answers what it last answered.
 * Changes of the run wake it: the subscription stands before the first look, so that none falls in between.
 */
export async function waitForRun<Found>(
  ports: Pick<ApplicationPorts, 'store' | 'clock'>,
  wait: {
    readonly key: RunKey;
    readonly untilMs: number;
    readonly signal?: AbortSignal | undefined;
    look(): Promise<Found | undefined>;
  },
): Promise<Found | undefined> {
  const { store, clock } = ports;
  const wake = new WakeSignal(clock);
  const signal = wait.signal ?? new AbortController().signal;
  const unsubscribe = store.onChange(({ key }) => {
    if (key === undefined || isSame(key, wait.key)) wake.wake();
  });
  try {
    for (;;) {
      const found = await wait.look();
      const remainingMs = wait.untilMs - clock.now();
      if (found !== undefined || remainingMs <= 0 || signal.aborted) return found;
      await clock.sleep(Math.min(MIN_PAUSE_MS, remainingMs), signal);
      await wake.wait(Math.min(MAX_PAUSE_MS, wait.untilMs - clock.now()), signal);
    }
  } finally {
    unsubscribe();
  }
}

function isSame(a: RunKey, b: RunKey): boolean {
  return a.tenant === b.tenant && a.runId === b.runId;
}
