import { describeFailure } from './redis-failure.ts';

/**
 * The first that succeeds; `discard` gets those that succeed after it. Where none does, rejects with all that went wrong,
 * or with the one error there was.
 */
export async function firstOf<T>(
  tries: readonly Promise<T>[],
  discard?: (late: T) => void,
): Promise<T> {
  try {
    const first = await Promise.any(tries);
    for (const other of tries) void discardLate(other, first, discard);
    return first;
  } catch (error) {
    if (!(error instanceof AggregateError)) throw error;
    if (error.errors.length === 1) throw error.errors[0];
    const reasons = [...new Set(error.errors.map(describeFailure))];
    throw new Error(reasons.join('; '), { cause: error });
  }
}

async function discardLate<T>(
  other: Promise<T>,
  first: T,
  discard: ((late: T) => void) | undefined,
): Promise<void> {
  try {
    const late = await other;
    if (late !== first) discard?.(late);
  } catch {
    // It was not needed.
  }
}
