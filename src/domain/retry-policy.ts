export interface RetryPolicy {
  /** Attempts in all, the first one included; at least 1. */
  readonly maxAttempts: number;
  readonly initialDelayMs: number;
  /** The delay grows by this factor with every failed attempt; at least 1. */
  readonly factor: number;
  readonly maxDelayMs: number;
  /** `full`: uniform between 0 and the computed delay, so that failed steps do not return in step. */
  readonly jitter: 'full' | 'none';
  /** Error codes that are never retried. */
  readonly nonRetryable: readonly string[];
}

/** What the policy needs to know of a failure. */
export interface RetryableError {
  readonly code: string;
  readonly permanent?: boolean;
  readonly retryAfterMs?: number;
}

/**
 * How long to wait after attempt `failedAttempt` (1, 2, …) before the next one, in whole milliseconds;
 * `undefined` means give up. `random` is uniform in [0, 1). The target's own `retryAfterMs` is a floor
 * that may exceed `maxDelayMs`: coming back earlier than asked only burns an attempt.
 */
export function nextDelayMs(
  policy: RetryPolicy,
  failedAttempt: number,
  error: RetryableError,
  random: number,
): number | undefined {
  if (error.permanent === true || policy.nonRetryable.includes(error.code)) return undefined;
  if (failedAttempt >= policy.maxAttempts) return undefined;
  const grown = policy.initialDelayMs * policy.factor ** Math.max(0, failedAttempt - 1);
  // A huge exponent overflows to Infinity, and 0 * Infinity is NaN: both end at a bound.
  const capped = Number.isNaN(grown) ? 0 : Math.min(grown, policy.maxDelayMs);
  const delayMs = Math.round(policy.jitter === 'full' ? capped * random : capped);
  return Math.max(delayMs, error.retryAfterMs ?? 0);
}
