import { SCOPES, type Caller } from './access.ts';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import type { UseCaseError, UseCaseResult } from '../use-case.ts';
import { changeKey, hashOfKey, statusOfKey, type KeyPorts, type KeyRecord } from './api-keys.ts';
import { tenantHintOf } from './key-text.ts';

/** A use is not written down when another was this recently. */
const NOTED_EVERY_MS = 60_000;

export interface AuthenticateInput {
  readonly key: string;
}

/** No `UseCase`: until it has answered there is no caller, and so nobody who could have a scope. */
export type Authenticate = (input: AuthenticateInput) => Promise<UseCaseResult<Caller>>;

/**
 * Who comes with a key, and what that caller may do; notes, to the minute, when the key was used. An unknown, malformed,
 * expired or revoked key is refused alike, so that a refusal tells nothing; a store that does not answer is
 * `store_unavailable`. The answer holds for this moment: whoever keeps it has to ask again before long.
 */
export function createAuthenticate(ports: KeyPorts): Authenticate {
  return ({ key }) =>
    translatingErrors<Caller>('nothing', async () => {
      const tenant = tenantHintOf(key);
      if (tenant === undefined) return failure(KEY_REFUSED);
      const nowMs = ports.clock.now();
      const isActive = (record: KeyRecord): boolean => statusOfKey(record, nowMs) === 'active';
      // Judged anew on every try: a revocation that came in between wins.
      const record = await changeKey(ports, { tenant, hash: hashOfKey(key) }, (now) =>
        isActive(now) && nowMs - (now.lastUsedAtMs ?? 0) >= NOTED_EVERY_MS
          ? { ...now, lastUsedAtMs: nowMs }
          : undefined,
      );
      if (record === undefined || !isActive(record)) return failure(KEY_REFUSED);
      return { ok: true, value: callerOf(tenant, record) };
    });
}

/** Scopes of a later Baton mean nothing here. */
function callerOf(tenant: string, { id, name, scopes }: KeyRecord): Caller {
  const known = SCOPES.filter((scope) => scopes.includes(scope));
  return { tenant, scopes: new Set(known), key: { id, name } };
}

const KEY_REFUSED: UseCaseError = {
  code: 'key_refused',
  message: 'The key is unknown, malformed, expired or revoked.',
  changed: 'nothing',
  next: 'baton keys list shows the keys; baton keys create NAME makes a new one.',
};
