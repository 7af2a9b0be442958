import type { DatabaseSync } from 'node:sqlite';
import { MAX_FEED_BYTES } from '../../ports/message-bus.ts';
import { integer, optionalInteger, optionalText, prepare, text } from './statement.ts';
import type { Row } from './statement.ts';

/** Publications of one process between two looks at what is too much. */
const TRIM_EVERY = 64;
/** Removed at one look: more than comes in between. */
const MAX_TRIMMED = 1_000;

/** A history row: a commit, or the place of a publication. */
export interface FeedRow {
  readonly entry: number;
  readonly commit?: { readonly runId: string; readonly first: number; readonly events: string };
  /** Each line `[id or null, topic, body]`. */
  readonly publication?: { readonly publishedAtMs: number; readonly messages: string };
}

export interface FeedBounds {
  /** Everything up to here is no longer kept. */
  readonly floor: number;
  readonly last: number;
}

export interface FeedTable {
  bounds(): FeedBounds;
  /** Of the tenant, after the entry, oldest first. */
  rows(
    tenant: string,
    only: 'event' | 'message' | undefined,
    after: number,
    limit: number,
  ): readonly FeedRow[];
  firstRow(after: number): { readonly entry: number; readonly atMs?: number } | undefined;
  /** Inside a transaction. False: the id stands already. */
  claimId(tenant: string, topic: string, id: string): boolean;
  /** Inside a transaction. */
  publish(tenant: string, messages: string, nowMs: number): void;
}

/**
 * The feed is the history: its row ids grow with every commit (schema.ts says how they keep growing when the newest rows
 * are purged), so that a commit writes nothing for it. A publication takes a row of no run (0) for its place.
 */
export function prepareFeedTable(db: DatabaseSync, maxEntries: number): FeedTable {
  const sql = prepareStatements(db);
  let publications = 0;

  const bounds = (): FeedBounds => {
    const row = sql.bounds.row() ?? [];
    const last = optionalInteger(row, 0) ?? 0;
    return { last, floor: Math.max(last - maxEntries, optionalInteger(row, 1) ?? 0, 0) };
  };

  const trim = (last: number, totalBytes: number): void => {
    const heaviest = sql.lastBelow.row(totalBytes - MAX_FEED_BYTES) ?? [];
    const floor = Math.max(last - maxEntries, optionalInteger(heaviest, 0) ?? 0);
    if (floor <= 0) return;
    sql.setFloor.run(floor);
    for (const removal of sql.removals) removal.run(floor, MAX_TRIMMED);
  };

  return {
    bounds,
    rows: (tenant, only, after, limit) => {
      const select =
        only === 'event' ? sql.events : only === 'message' ? sql.messages : sql.everything;
      return select.rows(after, tenant, limit).map(toFeedRow);
    },
    firstRow: (after) => {
      const row = sql.first.row(after);
      if (!row) return undefined;
      const entry = integer(row, 0);
      const atMs = optionalInteger(row, 1);
      return atMs === undefined ? { entry } : { entry, atMs };
    },
    // Of the row that comes next; what a rollback undoes was not claimed.
    claimId: (tenant, topic, id) => sql.claimId.run(tenant, topic, id) > 0,
    publish: (tenant, messages, nowMs) => {
      const entry = sql.takePlace.insert();
      if (entry === undefined) throw new Error('publish: the history gave no place');
      const before = sql.lastTotal.row();
      const total = (before ? integer(before, 0) : 0) + Buffer.byteLength(messages);
      sql.insert.run(entry, tenant, nowMs, total, messages);
      publications += 1;
      if (publications % TRIM_EVERY === 0) trim(entry, total);
    },
  };
}

// CROSS JOIN: the history is the outer loop, or its order would have to be made by sorting.
const COMMITS = `SELECT h.id, r.run_id, h.first_seq, h.events, NULL, NULL
  FROM history h CROSS JOIN runs r WHERE h.id > ?1 AND r.id = h.run AND r.tenant = ?2`;
const PUBLICATIONS = `SELECT entry, NULL, NULL, NULL, published_at, messages
  FROM bus_messages WHERE entry > ?1 AND tenant = ?2`;

export const SELECT_FEED = {
  events: `${COMMITS} ORDER BY h.id LIMIT ?3`,
  messages: `${PUBLICATIONS} ORDER BY entry LIMIT ?3`,
  // Each in the order of its own, merged as far as the limit.
  everything: `${COMMITS} UNION ALL ${PUBLICATIONS} ORDER BY 1 LIMIT ?3`,
};

function prepareStatements(db: DatabaseSync) {
  return {
    bounds: prepare(
      db,
      'SELECT (SELECT max(id) FROM history), (SELECT entry FROM feed_floor WHERE id = 1)',
    ),
    events: prepare(db, SELECT_FEED.events),
    messages: prepare(db, SELECT_FEED.messages),
    everything: prepare(db, SELECT_FEED.everything),
    first: prepare(
      db,
      `SELECT h.id, coalesce(b.published_at, json_extract(substr(h.events, 1, instr(h.events || char(10), char(10)) - 1), '$.occurredAtMs'))
       FROM history h LEFT JOIN bus_messages b ON b.entry = h.id WHERE h.id > ? AND (h.run > 0 OR b.entry > 0)
       ORDER BY h.id LIMIT 1`,
    ),
    claimId: prepare(
      db,
      `INSERT INTO bus_ids (tenant, topic, id, entry)
       VALUES (?, ?, ?, (SELECT coalesce(max(id), 0) + 1 FROM history)) ON CONFLICT DO NOTHING`,
    ),
    takePlace: prepare(
      db,
      `INSERT INTO history (id, run, first_seq, events)
       SELECT next, 0, next, '' FROM (SELECT coalesce(max(id), 0) + 1 AS next FROM history)`,
    ),
    lastTotal: prepare(db, 'SELECT total_bytes FROM bus_messages ORDER BY entry DESC LIMIT 1'),
    insert: prepare(
      db,
      `INSERT INTO bus_messages (entry, tenant, published_at, total_bytes, messages)
       VALUES (?, ?, ?, ?, ?)`,
    ),
    lastBelow: prepare(db, 'SELECT max(entry) FROM bus_messages WHERE total_bytes <= ?'),
    setFloor: prepare(
      db,
      `INSERT INTO feed_floor (id, entry) VALUES (1, ?)
       ON CONFLICT DO UPDATE SET entry = max(entry, excluded.entry)`,
    ),
    removals: [
      `DELETE FROM bus_ids WHERE (tenant, topic, id) IN
         (SELECT tenant, topic, id FROM bus_ids WHERE entry <= ? ORDER BY entry LIMIT ?)`,
      `DELETE FROM bus_messages WHERE entry IN
         (SELECT entry FROM bus_messages WHERE entry <= ? ORDER BY entry LIMIT ?)`,
      `DELETE FROM history WHERE id IN
         (SELECT id FROM history WHERE run = 0 AND first_seq <= ? ORDER BY first_seq LIMIT ?)`,
    ].map((removal) => prepare(db, removal)),
  };
}

function toFeedRow(row: Row): FeedRow {
  const entry = integer(row, 0);
  const runId = optionalText(row, 1);
  if (runId !== undefined)
    return { entry, commit: { runId, first: integer(row, 2), events: text(row, 3) } };
  return { entry, publication: { publishedAtMs: integer(row, 4), messages: text(row, 5) } };
}
