import type { Json } from '../../domain/json.ts';
import type { KeyValueEntry, KeyValueStore } from '../../ports/key-value-store.ts';
import type { MemoryDatabase, MemoryEntry } from './memory-database.ts';

type SetOptions = NonNullable<Parameters<KeyValueStore['setValue']>[3]>;

export function getValue(
  database: MemoryDatabase,
  namespace: string,
  key: string,
  nowMs: number,
): KeyValueEntry | undefined {
  const entry = database.entries.get(namespace)?.get(key);
  return entry && entry.expiresAtMs > nowMs ? toEntry(key, entry) : undefined;
}

export function listValues(
  database: MemoryDatabase,
  namespace: string,
  nowMs: number,
): readonly KeyValueEntry[] {
  return [...(database.entries.get(namespace) ?? [])]
    .filter(([, { expiresAtMs }]) => expiresAtMs > nowMs)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, entry]) => toEntry(key, entry));
}

export function setValue(
  database: MemoryDatabase,
  namespace: string,
  key: string,
  value: Json,
  { ttlMs, expectedRevision }: SetOptions,
  nowMs: number,
): number | undefined {
  const actual = getValue(database, namespace, key, nowMs)?.revision ?? 0;
  if (expectedRevision !== undefined && expectedRevision !== actual) return undefined;
  const entries = database.entries.get(namespace) ?? new Map<string, MemoryEntry>();
  database.entries.set(namespace, entries);
  const revision = database.nextSequence();
  const expiresAtMs = ttlMs === undefined ? Infinity : nowMs + ttlMs;
  entries.set(key, { value: JSON.stringify(value), revision, expiresAtMs });
  return revision;
}

export function deleteValue(
  database: MemoryDatabase,
  namespace: string,
  key: string,
  expectedRevision: number | undefined,
  nowMs: number,
): boolean {
  const entry = getValue(database, namespace, key, nowMs);
  if (!entry || (expectedRevision !== undefined && expectedRevision !== entry.revision))
    return false;
  return database.entries.get(namespace)?.delete(key) ?? false;
}

function toEntry(key: string, { value, revision }: MemoryEntry): KeyValueEntry {
  // Written by JSON.stringify of a Json.
  return { key, value: JSON.parse(value) as Json, revision };
}
