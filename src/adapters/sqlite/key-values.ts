import type { DatabaseSync } from 'node:sqlite';
import type { Json } from '../../domain/json.ts';
import type { KeyValueEntry, KeyValueStore } from '../../ports/key-value-store.ts';
import type { Sequence } from './sequence.ts';
import { integer, prepare, text } from './statement.ts';
import type { Row } from './statement.ts';

export type SetOptions = NonNullable<Parameters<KeyValueStore['setValue']>[3]>;

/** Expired entries that one write clears away. */
const MAX_SWEPT = 100;

export interface KeyValues {
  get(namespace: string, key: string, nowMs: number): KeyValueEntry | undefined;
  list(namespace: string, nowMs: number): readonly KeyValueEntry[];
  /** Inside a transaction. */
  set(
    namespace: string,
    key: string,
    value: string,
    options: SetOptions,
    nowMs: number,
  ): number | undefined;
  /** Inside a transaction. */
  remove(namespace: string, key: string, expectedRevision: number | null, nowMs: number): boolean;
}

const LIVE = '(expires_at IS NULL OR expires_at > ?)';

export function prepareKeyValues(db: DatabaseSync, sequence: Sequence): KeyValues {
  const get = prepare(
    db,
    `SELECT key, value, revision FROM kv WHERE namespace = ? AND key = ? AND ${LIVE}`,
  );
  const list = prepare(
    db,
    `SELECT key, value, revision FROM kv WHERE namespace = ? AND ${LIVE} ORDER BY key`,
  );
  const put = prepare(
    db,
    `INSERT OR REPLACE INTO kv (namespace, key, value, revision, expires_at) VALUES (?, ?, ?, ?, ?)`,
  );
  const sweep = prepare(
    db,
    `DELETE FROM kv WHERE (namespace, key) IN
       (SELECT namespace, key FROM kv WHERE expires_at <= ? ORDER BY expires_at LIMIT ${MAX_SWEPT})`,
  );
  const remove = prepare(
    db,
    `DELETE FROM kv WHERE namespace = ? AND key = ? AND ${LIVE} AND revision = coalesce(?, revision)`,
  );

  return {
    get: (namespace, key, nowMs) => {
      const row = get.row(namespace, key, nowMs);
      return row && toEntry(row);
    },
    list: (namespace, nowMs) => list.rows(namespace, nowMs).map(toEntry),
    set: (namespace, key, value, { ttlMs, expectedRevision }, nowMs) => {
      const row = expectedRevision === undefined ? undefined : get.row(namespace, key, nowMs);
      if (expectedRevision !== undefined && expectedRevision !== (row ? integer(row, 2) : 0))
        return undefined;
      sweep.run(nowMs);
      const revision = sequence.next();
      put.run(namespace, key, value, revision, ttlMs === undefined ? null : nowMs + ttlMs);
      return revision;
    },
    remove: (namespace, key, expectedRevision, nowMs) =>
      remove.run(namespace, key, nowMs, expectedRevision) > 0,
  };
}

function toEntry(row: Row): KeyValueEntry {
  // Written by JSON.stringify of a Json.
  const value = JSON.parse(text(row, 1)) as Json;
  return { key: text(row, 0), value, revision: integer(row, 2) };
}
