import { z } from 'zod';
import { sha256Hex } from '../../domain/definition/canonical-json.ts';
import type { Clock } from '../../ports/clock.ts';
import type { KeyValueStore } from '../../ports/key-value-store.ts';
import { isoTime } from '../runs/step-view.ts';

const NAMESPACE = 'operator_keys';
/** An expired or revoked key stays in the list for this long. */
const REMEMBERED_MS = 90 * 86_400_000;
const MAX_TRIES = 20;

export const OPERATOR_SCOPES = ['approvals:resolve'] as const;
export type OperatorScope = (typeof OPERATOR_SCOPES)[number];

/** What is kept of a key: its SHA-256 is the name of the record, the key itself is nowhere. */
const operatorKeySchema = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.string()),
  createdAtMs: z.number(),
  expiresAtMs: z.number(),
  lastUsedAtMs: z.number().optional(),
  revokedAtMs: z.number().optional(),
});
export type OperatorKey = Readonly<z.infer<typeof operatorKeySchema>>;

export interface StoredOperatorKey {
  readonly record: OperatorKey;
  readonly hash: string;
  readonly revision: number;
}

export type KeyPorts = { readonly store: KeyValueStore; readonly clock: Clock };

/** Names the record of a key. A lookup by it compares nothing of the key itself, so that no timing tells of it. */
export function hashOfKey(key: string): string {
  return sha256Hex(key);
}

/** By name, then the newest first; those that ended within the last 90 days too. */
export async function readOperatorKeys(
  store: KeyValueStore,
  tenant: string,
): Promise<StoredOperatorKey[]> {
  const prefix = `${tenant}/`;
  const entries = await store.listValues(NAMESPACE);
  const keys = entries
    .filter(({ key }) => key.startsWith(prefix))
    .flatMap(({ key, value, revision }) => {
      const { data: record } = operatorKeySchema.safeParse(value);
      return record ? [{ record, hash: key.slice(prefix.length), revision }] : [];
    });
  return keys.sort(
    ({ record: a }, { record: b }) =>
      a.name.localeCompare(b.name, 'en') || b.createdAtMs - a.createdAtMs,
  );
}

export async function readOperatorKey(
  store: KeyValueStore,
  tenant: string,
  hash: string,
): Promise<StoredOperatorKey | undefined> {
  const entry = await store.getValue(NAMESPACE, `${tenant}/${hash}`);
  const { data: record } = operatorKeySchema.safeParse(entry?.value);
  return entry && record && { record, hash, revision: entry.revision };
}

/** Answers false when somebody else wrote the record meanwhile. `revision` 0: there must be none. */
export async function writeOperatorKey(
  { store, clock }: KeyPorts,
  tenant: string,
  { record, hash, revision }: StoredOperatorKey,
): Promise<boolean> {
  const endsAtMs = record.revokedAtMs ?? record.expiresAtMs;
  const options = {
    ttlMs: Math.max(1, endsAtMs + REMEMBERED_MS - clock.now()),
    expectedRevision: revision,
  };
  const key = `${tenant}/${hash}`;
  return (await store.setValue(NAMESPACE, key, record, options)) !== undefined;
}

/**
 * Changes a record as it stands in the store; of two changes at once neither is lost. `change` answers `undefined` where
 * there is nothing to do. Answers the record as it is then; `undefined`: there is none.
 */
export async function changeOperatorKey(
  ports: KeyPorts,
  tenant: string,
  hash: string,
  change: (record: OperatorKey) => OperatorKey | undefined,
): Promise<OperatorKey | undefined> {
  for (let tried = 0; tried < MAX_TRIES; tried += 1) {
    const stored = await readOperatorKey(ports.store, tenant, hash);
    const record = stored && change(stored.record);
    if (stored === undefined || record === undefined) return stored?.record;
    if (await writeOperatorKey(ports, tenant, { ...stored, record })) return record;
  }
  throw new Error('an operator key is changed from too many places at once');
}

export type OperatorKeyStatus = 'active' | 'expired' | 'revoked';

export interface OperatorKeyView {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly status: OperatorKeyStatus;
  readonly created_at: string;
  readonly expires_at: string;
  readonly last_used_at?: string;
  readonly revoked_at?: string;
}

export function statusOfKey(record: OperatorKey, nowMs: number): OperatorKeyStatus {
  if (record.revokedAtMs !== undefined) return 'revoked';
  return record.expiresAtMs <= nowMs ? 'expired' : 'active';
}

export function viewOperatorKey(record: OperatorKey, nowMs: number): OperatorKeyView {
  const { id, name, scopes, createdAtMs, expiresAtMs, lastUsedAtMs, revokedAtMs } = record;
  return {
    id,
    name,
    scopes,
    status: statusOfKey(record, nowMs),
    created_at: isoTime(createdAtMs),
    expires_at: isoTime(expiresAtMs),
    ...(lastUsedAtMs !== undefined && { last_used_at: isoTime(lastUsedAtMs) }),
    ...(revokedAtMs !== undefined && { revoked_at: isoTime(revokedAtMs) }),
  };
}
