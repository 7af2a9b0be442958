import { z } from 'zod';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import { isOperator, mayManage } from './tenant-view.ts';
import type { CallContext, UseCase, UseCaseError } from '../use-case.ts';
import {
  changeKey,
  readKeys,
  statusOfKey,
  viewKey,
  type KeyPorts,
  type KeyView,
  type StoredKey,
} from './api-keys.ts';
import { notYourTenant, tenantSchema } from './create-key.ts';

export const revokeKeyInputSchema = z.object({
  /** A key's id, or a name: all keys of that name and tenant. */
  name_or_id: z.string(),
  tenant: tenantSchema.optional(),
});
export type RevokeKeyInput = z.infer<typeof revokeKeyInputSchema>;

export interface RevokedKeys {
  /** The keys that were meant, as they are now. */
  readonly keys: readonly KeyView[];
  /** False when none of them was active any more. */
  readonly changed: boolean;
}

/**
 * From the answer on these keys are refused by whoever asks the store; an answer that a key had begun to give may still be
 * recorded. A name means the keys of one tenant (default: the caller's), an id the one that has it. If the process
 * dies midway, some of the keys are revoked: repeat it.
 */
export function createRevokeKey(ports: KeyPorts): UseCase<RevokeKeyInput, RevokedKeys> {
  return (context, input) =>
    translatingErrors<RevokedKeys>('unknown', async () => {
      if (!mayManage(context, input.tenant ?? context.tenant)) return failure(notYourTenant());
      const all = await readKeys(ports.store, isOperator(context) ? input.tenant : context.tenant);
      const meant = all.filter((key) => isMeant(key, context, input));
      if (meant.length === 0) return failure(unknownKey(input.name_or_id));
      const nowMs = ports.clock.now();
      const keys: KeyView[] = [];
      for (const place of meant) {
        const record = await changeKey(ports, place, (now) =>
          statusOfKey(now, nowMs) === 'active' ? { ...now, revokedAtMs: nowMs } : undefined,
        );
        if (record !== undefined) keys.push(viewKey(place.tenant, record, nowMs));
      }
      const changed = meant.some(({ record }) => statusOfKey(record, nowMs) === 'active');
      return { ok: true, value: { keys, changed } };
    });
}

function isMeant(
  { tenant, record }: StoredKey,
  context: CallContext,
  { name_or_id, ...given }: RevokeKeyInput,
): boolean {
  const isNamed = record.name === name_or_id && tenant === (given.tenant ?? context.tenant);
  return isNamed || record.id === name_or_id;
}

function unknownKey(nameOrId: string): UseCaseError {
  return {
    code: 'unknown_key',
    message: `No key has the name or id "${nameOrId}".`,
    changed: 'nothing',
    next: 'baton keys list shows them; a name of another tenant needs --tenant.',
  };
}
