import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextDelayMs, type RetryPolicy } from '../../src/domain/retry-policy.ts';

const policy: RetryPolicy = {
  maxAttempts: 4,
  initialDelayMs: 1_000,
  factor: 2,
  maxDelayMs: 3_000,
  jitter: 'none',
  nonRetryable: ['exit_2'],
};
const error = { code: 'exit_1' };

describe('a retry policy', () => {
  test('grows the delay by the factor up to its maximum, then gives up', () => {
    const delays = [1, 2, 3, 4, 5].map((attempt) => nextDelayMs(policy, attempt, error, 0.5));
    expect(delays).toEqual([1_000, 2_000, 3_000, undefined, undefined]);
  });

  test('draws the delay from the whole range with full jitter', () => {
    const jittered = { ...policy, jitter: 'full' } as const;
    expect(nextDelayMs(jittered, 1, error, 0)).toBe(0);
    expect(nextDelayMs(jittered, 1, error, 0.25)).toBe(250);
    expect(nextDelayMs(jittered, 3, error, 0.999)).toBe(2_997);
  });

  test('gives up at once on a code that is never retried and on a permanent error', () => {
    expect(nextDelayMs(policy, 1, { code: 'exit_2' }, 0)).toBeUndefined();
    expect(nextDelayMs(policy, 1, { code: 'exit_1', permanent: true }, 0)).toBeUndefined();
  });

  test('waits at least as long as the target asked, even beyond the maximum', () => {
    expect(nextDelayMs(policy, 1, { ...error, retryAfterMs: 60_000 }, 0)).toBe(60_000);
    expect(nextDelayMs(policy, 1, { ...error, retryAfterMs: 10 }, 0)).toBe(1_000);
    expect(nextDelayMs(policy, 4, { ...error, retryAfterMs: 10 }, 0)).toBeUndefined();
  });

  test('answers whole milliseconds within bounds whatever the policy', () => {
    fc.assert(
      fc.property(
        fc.record({
          maxAttempts: fc.integer({ min: 1, max: 1_000 }),
          initialDelayMs: fc.integer({ min: 0, max: 10_000_000 }),
          factor: fc.double({ min: 1, max: 100, noNaN: true }),
          maxDelayMs: fc.integer({ min: 0, max: 10_000_000 }),
          jitter: fc.constantFrom('full', 'none'),
        }),
        fc.integer({ min: 1, max: 1_100 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (drawn, attempt, random) => {
          const delayMs = nextDelayMs({ ...drawn, nonRetryable: [] }, attempt, error, random);
          if (attempt >= drawn.maxAttempts) return delayMs === undefined;
          return (
            delayMs !== undefined &&
            Number.isInteger(delayMs) &&
            delayMs >= 0 &&
            delayMs <= drawn.maxDelayMs
          );
        },
      ),
    );
  });
});
