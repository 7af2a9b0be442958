import { createHash } from 'node:crypto';
import { z } from 'zod';
import { durationMs, durationSchema } from '../../domain/definition/duration.ts';
import type { IdSource } from '../../ports/id-source.ts';
import {
  OPERATOR_SCOPES,
  hashOfKey,
  readOperatorKeys,
  viewOperatorKey,
  writeOperatorKey,
  type KeyPorts,
  type OperatorKeyView,
} from './operator-keys.ts';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import type { UseCase } from '../use-case.ts';

const DEFAULT_EXPIRES = '90d';
/** Of one tenant, ended ones that are still listed included. */
const MAX_KEYS = 1_000;
const ID_CHARS = 10;
/** 130 random bits each: together more than the 256 that the key carries. */
const IDS_PER_KEY = 3;

/** Nothing that could be taken for a key or a key's id, and nothing that does not show. */
const PERSON_NAME = /^(?!bok_|key_)\P{C}+$/u;

export const createOperatorKeyInputSchema = z.object({
  name: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .regex(PERSON_NAME, 'must be printable and not begin with "bok_" or "key_"'),
  expires: durationSchema
    .refine((expires) => durationMs(expires) > 0, { error: 'must be longer than nothing' })
    .optional(),
});
export type CreateOperatorKeyInput = z.infer<typeof createOperatorKeyInputSchema>;

export interface CreatedOperatorKey extends OperatorKeyView {
  /** Shown here and never again: only its SHA-256 is kept. */
  readonly key: string;
}

/**
 * Makes a key by which a person is known where there is no terminal to ask at. A person may have several. Default: it
 * expires after 90 days. If the process dies midway, there may be a key in the list that nobody has ever seen.
 */
export function createCreateOperatorKey(
  ports: KeyPorts & { readonly ids: IdSource },
): UseCase<CreateOperatorKeyInput, CreatedOperatorKey> {
  return ({ tenant }, { name, expires = DEFAULT_EXPIRES }) =>
    translatingErrors<CreatedOperatorKey>('unknown', async () => {
      if ((await readOperatorKeys(ports.store, tenant)).length >= MAX_KEYS)
        return failure({
          code: 'too_many_keys',
          message: `There are ${MAX_KEYS} operator keys, which is the most.`,
          changed: 'nothing',
          next: 'Expired and revoked ones are forgotten after 90 days.',
        });
      const key = newKey(ports.ids);
      const hash = hashOfKey(key);
      const nowMs = ports.clock.now();
      const record = {
        id: `key_${hash.slice(0, ID_CHARS)}`,
        name,
        scopes: [...OPERATOR_SCOPES],
        createdAtMs: nowMs,
        expiresAtMs: nowMs + durationMs(expires),
      };
      if (!(await writeOperatorKey(ports, tenant, { record, hash, revision: 0 })))
        throw new Error('a random key was there before');
      return { ok: true, value: { ...viewOperatorKey(record, nowMs), key } };
    });
}

/** 32 bytes that only the source of ids could foretell. */
function newKey(ids: IdSource): string {
  const hash = createHash('sha256');
  for (let drawn = 0; drawn < IDS_PER_KEY; drawn += 1) hash.update(ids.newId());
  return `bok_${hash.digest('base64url')}`;
}
