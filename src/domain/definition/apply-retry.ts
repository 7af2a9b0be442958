import type { RetryPolicy } from '../retry-policy.ts';
import { durationMs } from './duration.ts';
import type { RetryDefinition } from './workflow-definition.ts';

/** The policy with whatever is written in place of its own; nothing written: the policy itself. */
export function applyRetry(policy: RetryPolicy, written: RetryDefinition | undefined): RetryPolicy {
  if (written === undefined) return policy;
  const { initialDelay, maxDelay } = written;
  return {
    maxAttempts: written.maxAttempts ?? policy.maxAttempts,
    initialDelayMs: initialDelay === undefined ? policy.initialDelayMs : durationMs(initialDelay),
    factor: written.factor ?? policy.factor,
    maxDelayMs: maxDelay === undefined ? policy.maxDelayMs : durationMs(maxDelay),
    jitter: written.jitter ?? policy.jitter,
    nonRetryable: written.nonRetryable ?? policy.nonRetryable,
  };
}
