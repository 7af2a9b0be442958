import type { Clock } from '../../ports/clock.ts';

/** From the request to stop until a handler that goes on regardless is given up. */
export const GIVE_UP_MS = 5_000;

/** What the work gives, or a rejection when it has not ended 5 s after the signal. */
export async function unlessGivenUp<Value>(
  work: Promise<Value>,
  signal: AbortSignal,
  clock: Clock,
): Promise<Value> {
  const over = new AbortController();
  const givenUp = Promise.withResolvers<never>();
  const giveUp = async (): Promise<void> => {
    await clock.sleep(GIVE_UP_MS, over.signal);
    givenUp.reject(new Error(`the handler did not stop within ${GIVE_UP_MS} ms`));
  };
  const onAbort = (): void => void giveUp();
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, givenUp.promise]);
  } finally {
    over.abort();
    signal.removeEventListener('abort', onAbort);
  }
}
