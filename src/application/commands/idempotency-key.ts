import { createHash } from 'node:crypto';
import type { RunKey } from '../../ports/run-store.ts';

/**
 * The key a target can recognise repetitions of a step's effect by: `hash(tenant, run, step path, direction)`, the
 * same over all attempts and workers. 128 bits in hex.
 */
export function idempotencyKeyOf(
  key: RunKey,
  step: string,
  direction: 'forward' | 'compensate' = 'forward',
): string {
  return createHash('sha256')
    .update(JSON.stringify([key.tenant, key.runId, step, direction]))
    .digest('hex')
    .slice(0, 32);
}
