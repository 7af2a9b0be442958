import { readKeys, statusOfKey, type KeyPorts, type KeyStatus } from './api-keys.ts';

/** Keys of all tenants; those that ended are remembered for 90 days. Throws StoreUnavailableError. */
export async function countKeys({ store, clock }: KeyPorts): Promise<Record<KeyStatus, number>> {
  const nowMs = clock.now();
  const counts = { active: 0, expired: 0, revoked: 0 };
  for (const { record } of await readKeys(store)) counts[statusOfKey(record, nowMs)] += 1;
  return counts;
}
