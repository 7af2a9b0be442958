import { z } from 'zod';
import { sha256Hex } from '../../domain/definition/canonical-json.ts';
import type { Clock } from '../../ports/clock.ts';
import type { KeyValueStore } from '../../ports/key-value-store.ts';
import { isoTime } from '../runs/step-view.ts';

/** From the time when keys were for operators only: records of then are read as they are. */
const NAMESPACE = 'operator_keys';
/** An expired or revoked key stays in the list for this long. */
const REMEMBERED_MS = 90 * 86_400_000;
const MAX_TRIES = 20;

/** What is kept of a key: its SHA-256 is the name of the record, the key itself is nowhere. */
const keyRecordSchema = z.object({
  id: z.string(),
  name: z.string(),
  /** Some may be those of a later Baton. */
  scopes: z.array(z.string()),
  createdAtMs: z.number(),
  expiresAtMs: z.number(),
  lastUsedAtMs: z.number().optional(),
  revokedAtMs: z.number().optional(),
});
export type KeyRecord = Readonly<z.infer<typeof keyRecordSchema>>;

/** Where the record of a key stands. */
export interface KeyPlace {
  readonly tenant: string;
  readonly hash: string;
}

export interface StoredKey extends KeyPlace {
  readonly record: KeyRecord;
  readonly revision: number;
}

export type KeyPorts = { readonly store: KeyValueStore; readonly clock: Clock };

/** Names the record of a key. A lookup by it compares nothing of the key itself, so that no timing tells of it. */
export function hashOfKey(key: string): string {
  return sha256Hex(key);
}

/** By tenant and name, then the newest first; those that ended within the last 90 days too. Default: of all tenants. */
export async function readKeys(store: KeyValueStore, tenant?: string): Promise<StoredKey[]> {
  const entries = await store.listValues(NAMESPACE);
  const keys = entries.flatMap(({ key, value, revision }) => {
    const place = placeOf(key);
    const { data: record } = keyRecordSchema.safeParse(value);
    return record && (tenant ?? place.tenant) === place.tenant
      ? [{ ...place, record, revision }]
      : [];
  });
  return keys.sort(
    (a, b) =>
      a.tenant.localeCompare(b.tenant, 'en') ||
      a.record.name.localeCompare(b.record.name, 'en') ||
      b.record.createdAtMs - a.record.createdAtMs,
  );
}

export async function readKey(
  store: KeyValueStore,
  place: KeyPlace,
): Promise<StoredKey | undefined> {
  const entry = await store.getValue(NAMESPACE, nameOf(place));
  const { data: record } = keyRecordSchema.safeParse(entry?.value);
  return entry && record && { ...place, record, revision: entry.revision };
}

/** Answers false when somebody else wrote the record meanwhile. `revision` 0: there must be none. */
export async function writeKey(
  { store, clock }: KeyPorts,
  { record, revision, ...place }: StoredKey,
): Promise<boolean> {
  const endsAtMs = record.revokedAtMs ?? record.expiresAtMs;
  const options = {
    ttlMs: Math.max(1, endsAtMs + REMEMBERED_MS - clock.now()),
    expectedRevision: revision,
  };
  return (await store.setValue(NAMESPACE, nameOf(place), record, options)) !== undefined;
}

/**
 * Changes a record as it stands in the store; of two changes at once neither is lost. `change` answers `undefined` where
 * there is nothing to do. Answers the record as it is then; `undefined`: there is none.
 */
export async function changeKey(
  ports: KeyPorts,
  place: KeyPlace,
  change: (record: KeyRecord) => KeyRecord | undefined,
): Promise<KeyRecord | undefined> {
  for (let tried = 0; tried < MAX_TRIES; tried += 1) {
    const stored = await readKey(ports.store, place);
    const record = stored && change(stored.record);
    if (stored === undefined || record === undefined) return stored?.record;
    if (await writeKey(ports, { ...stored, record })) return record;
  }
  throw new Error('a key is changed from too many places at once');
}

export type KeyStatus = 'active' | 'expired' | 'revoked';

export interface KeyView {
  readonly id: string;
  readonly name: string;
  readonly tenant: string;
  readonly scopes: readonly string[];
  readonly status: KeyStatus;
  readonly created_at: string;
  readonly expires_at: string;
  readonly last_used_at?: string;
  readonly revoked_at?: string;
}

export function statusOfKey(record: KeyRecord, nowMs: number): KeyStatus {
  if (record.revokedAtMs !== undefined) return 'revoked';
  return record.expiresAtMs <= nowMs ? 'expired' : 'active';
}

export function viewKey(tenant: string, record: KeyRecord, nowMs: number): KeyView {
  const { id, name, scopes, createdAtMs, expiresAtMs, lastUsedAtMs, revokedAtMs } = record;
  return {
    ...{ id, name, tenant, scopes },
    status: statusOfKey(record, nowMs),
    created_at: isoTime(createdAtMs),
    expires_at: isoTime(expiresAtMs),
    ...(lastUsedAtMs !== undefined && { last_used_at: isoTime(lastUsedAtMs) }),
    ...(revokedAtMs !== undefined && { revoked_at: isoTime(revokedAtMs) }),
  };
}

function nameOf({ tenant, hash }: KeyPlace): string {
  return `${tenant}/${hash}`;
}

function placeOf(name: string): KeyPlace {
  const at = name.indexOf('/');
  return { tenant: name.slice(0, at), hash: name.slice(at + 1) };
}
