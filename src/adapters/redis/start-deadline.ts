import { RedisStoreError } from './redis-store-error.ts';

/** A start is some questions one after the other, each of which has a bound of its own; this is that of them all. */
const MAX_START_MS = 4_500;

/**
 * Rejects with RedisStoreError (`unreachable`) when `work` takes longer than a start may; what it brings after all goes to
 * `discard`.
 */
export async function beforeDeadline<T>(
  work: Promise<T>,
  shown: string,
  discard: (late: T) => void,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    late.reject(
      new RedisStoreError(
        'unreachable',
        `${shown}: it answers too slowly: Baton was not ready within ${MAX_START_MS} ms; check the server's load, and the network`,
      ),
    );
  }, MAX_START_MS);
  void work.then(
    (result) => isLate && discard(result),
    () => undefined,
  );
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
