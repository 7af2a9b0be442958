import { z } from 'zod';
import { durationMs, durationSchema } from '../../domain/definition/duration.ts';
import { nearestName } from '../../domain/definition/nearest-name.ts';
import type { IdSource } from '../../ports/id-source.ts';
import { SCOPES, type Scope } from './access.ts';
import { nameListSchema } from '../call-arguments.ts';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import { TENANT_NAME } from './tenant-names.ts';
import { mayManage } from './tenant-view.ts';
import type { UseCase, UseCaseError } from '../use-case.ts';
import { hashOfKey, readKeys, statusOfKey, viewKey, writeKey } from './api-keys.ts';
import type { KeyPorts, KeyView } from './api-keys.ts';
import { newKeyText } from './key-text.ts';

const DEFAULT_EXPIRES = '90d';
/** What an operator key has always been for. */
const DEFAULT_SCOPES: readonly Scope[] = ['approvals:resolve'];
/** Of one tenant, ended ones that are still listed included. */
const MAX_KEYS = 1_000;
const ID_CHARS = 10;

/** Nothing that could be taken for a key or a key's id, and nothing that does not show. */
const PERSON_NAME = /^(?!bok_|key_)\P{C}+$/u;

export const tenantSchema = z
  .string()
  .regex(TENANT_NAME, 'must be at most 63 lower-case letters, digits and hyphens');

export const createKeyInputSchema = z.object({
  name: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .regex(PERSON_NAME, 'must be printable and not begin with "bok_" or "key_"'),
  scopes: nameListSchema(z.string(), SCOPES.length)
    .refine((scopes) => scopes.length > 0, { error: 'must name one at least' })
    .refine((scopes) => scopes.every(isScope), { error: ({ input }) => scopeProblem(input) })
    .optional(),
  tenant: tenantSchema.optional(),
  expires: durationSchema
    .refine((expires) => durationMs(expires) > 0, { error: 'must be longer than nothing' })
    .optional(),
});
export type CreateKeyInput = z.infer<typeof createKeyInputSchema>;

export interface CreatedKey extends KeyView {
  /** Shown here and never again: only its SHA-256 is kept. */
  readonly key: string;
  /** Ids of the keys of the same name and tenant that are let in besides this one, the newest first. */
  readonly also_active: readonly string[];
}

/**
 * Makes a key: by its scopes it says what may be done with it, by its tenant whose runs it is about, by its name whose
 * answers it stands for. A name may have several. Default: it answers approvals, is of the caller's tenant, and expires
 * after 90 days. A tenant exists by its keys; the first one makes it. Who may make keys may make them with any scope. If
 * the process dies midway, there may be a key in the list that nobody has ever seen.
 */
export function createCreateKey(
  ports: KeyPorts & { readonly ids: IdSource },
): UseCase<CreateKeyInput, CreatedKey> {
  return (context, { name, scopes = DEFAULT_SCOPES, expires = DEFAULT_EXPIRES, ...given }) =>
    translatingErrors<CreatedKey>('unknown', async () => {
      const { tenant = context.tenant } = given;
      if (!mayManage(context, tenant)) return failure(notYourTenant());
      const others = await readKeys(ports.store, tenant);
      if (others.length >= MAX_KEYS) return failure(tooManyKeys());
      const key = newKeyText(ports.ids, tenant);
      const hash = hashOfKey(key);
      const nowMs = ports.clock.now();
      const record = {
        id: `key_${hash.slice(0, ID_CHARS)}`,
        name,
        scopes: SCOPES.filter((scope) => scopes.includes(scope)),
        createdAtMs: nowMs,
        expiresAtMs: nowMs + durationMs(expires),
      };
      if (!(await writeKey(ports, { tenant, hash, record, revision: 0 })))
        throw new Error('a random key was there before');
      const also_active = others
        .filter((other) => other.record.name === name)
        .filter((other) => statusOfKey(other.record, nowMs) === 'active')
        .map((other) => other.record.id);
      return { ok: true, value: { ...viewKey(tenant, record, nowMs), key, also_active } };
    });
}

/** Of a list that was read, but holds what is no scope. */
function scopeProblem(scopes: unknown): string {
  const wrong =
    z
      .array(z.string())
      .parse(scopes)
      .find((name) => !isScope(name)) ?? '';
  const nearest = nearestName(wrong, SCOPES);
  const hint = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
  return `"${wrong}" is no scope${hint} (scopes: ${SCOPES.join(', ')})`;
}

function isScope(name: string): boolean {
  return (SCOPES as readonly string[]).includes(name);
}

/** Whether there is such a tenant, it does not say. */
export function notYourTenant(): UseCaseError {
  return {
    code: 'other_tenant',
    message: 'A key of a tenant is about the keys of that tenant only.',
    changed: 'nothing',
    next: 'Leave the tenant out. Keys of other tenants are made where Baton runs: baton keys create NAME --tenant TENANT.',
  };
}

function tooManyKeys(): UseCaseError {
  return {
    code: 'too_many_keys',
    message: `There are ${MAX_KEYS} keys of this tenant, which is the most.`,
    changed: 'nothing',
    next: 'Expired and revoked ones are forgotten after 90 days.',
  };
}
