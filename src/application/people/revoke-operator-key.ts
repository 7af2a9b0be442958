import {
  changeOperatorKey,
  readOperatorKeys,
  statusOfKey,
  viewOperatorKey,
  type KeyPorts,
  type OperatorKeyView,
} from './operator-keys.ts';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import type { UseCase } from '../use-case.ts';

export interface RevokeOperatorKeyInput {
  /** A key's id, or a name: all keys of that name. */
  readonly name_or_id: string;
}

export interface RevokedOperatorKeys {
  /** The keys that were meant, as they are now. */
  readonly keys: readonly OperatorKeyView[];
  /** False when none of them was active any more. */
  readonly changed: boolean;
}

/**
 * From the answer on these keys are refused; an answer that a key had begun to give may still be recorded. If the process
 * dies midway, some of the keys are revoked: repeat it.
 */
export function createRevokeOperatorKey(
  ports: KeyPorts,
): UseCase<RevokeOperatorKeyInput, RevokedOperatorKeys> {
  return ({ tenant }, { name_or_id }) =>
    translatingErrors<RevokedOperatorKeys>('unknown', async () => {
      const all = await readOperatorKeys(ports.store, tenant);
      const meant = all.filter(({ record: { id, name } }) => [id, name].includes(name_or_id));
      if (meant.length === 0)
        return failure({
          code: 'unknown_key',
          message: `No operator key has the name or id "${name_or_id}".`,
          changed: 'nothing',
          next: 'baton keys list shows them.',
        });
      const nowMs = ports.clock.now();
      const keys: OperatorKeyView[] = [];
      for (const { hash } of meant) {
        const record = await changeOperatorKey(ports, tenant, hash, (now) =>
          statusOfKey(now, nowMs) === 'active' ? { ...now, revokedAtMs: nowMs } : undefined,
        );
        if (record !== undefined) keys.push(viewOperatorKey(record, nowMs));
      }
      const changed = meant.some(({ record }) => statusOfKey(record, nowMs) === 'active');
      return { ok: true, value: { keys, changed } };
    });
}
