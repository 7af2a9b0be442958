import { readKeys, statusOfKey, type KeyPorts } from './api-keys.ts';

/** Whether any key of any tenant would be let in now. Throws StoreUnavailableError. */
export async function hasActiveKeys({ store, clock }: KeyPorts): Promise<boolean> {
  const nowMs = clock.now();
  return (await readKeys(store)).some(({ record }) => statusOfKey(record, nowMs) === 'active');
}
