import {
  changeOperatorKey,
  hashOfKey,
  statusOfKey,
  type KeyPorts,
  type OperatorKey,
  type OperatorScope,
} from './operator-keys.ts';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import type { Person } from './person.ts';
import type { UseCase } from '../use-case.ts';

const KEY = /^bok_[\w-]{43}$/;
/** A use is not written down when another was this recently. */
const NOTED_EVERY_MS = 60_000;

export interface CheckOperatorKeyInput {
  readonly key: string;
  readonly scope: OperatorScope;
}

/**
 * Who an operator key stands for; notes, to the minute, when it was used. An unknown, malformed, expired or revoked key and one without
 * the scope are refused alike, so that a refusal tells nothing.
 */
export function createCheckOperatorKey(ports: KeyPorts): UseCase<CheckOperatorKeyInput, Person> {
  return ({ tenant }, { key, scope }) =>
    translatingErrors<Person>('nothing', async () => {
      const nowMs = ports.clock.now();
      const isValid = (record: OperatorKey): boolean =>
        statusOfKey(record, nowMs) === 'active' && record.scopes.includes(scope);
      // Judged anew on every try: a revocation that came in between wins.
      const noteUse = (record: OperatorKey): OperatorKey | undefined =>
        isValid(record) && nowMs - (record.lastUsedAtMs ?? 0) >= NOTED_EVERY_MS
          ? { ...record, lastUsedAtMs: nowMs }
          : undefined;
      const record = KEY.test(key)
        ? await changeOperatorKey(ports, tenant, hashOfKey(key), noteUse)
        : undefined;
      if (record !== undefined && isValid(record))
        return { ok: true, value: { name: record.name, via: 'operator_key' } };
      return failure({
        code: 'operator_key_refused',
        message: 'The operator key is unknown, expired or revoked, or not for this.',
        changed: 'nothing',
        next: 'baton keys list shows the keys; baton keys create NAME makes a new one.',
      });
    });
}
