import type { DatabaseSync } from 'node:sqlite';
import type { Json } from '../../domain/json.ts';
import type { Claimed, EngineWork, Lease, WorkSource } from '../../ports/work-source.ts';
import type { Sequence } from './sequence.ts';
import { integer, prepare, text } from './statement.ts';
import type { Row, Statement } from './statement.ts';

export type ClaimEngineWorkRequest = Parameters<WorkSource['claimEngineWork']>[0];

export interface EngineClaims {
  /** Inside a transaction. */
  claim(request: ClaimEngineWorkRequest, nowMs: number): Claimed<EngineWork>;
  /** When the earliest item is claimable: in the past if one is now. Any time, without a lock. */
  nextDueAtMs(): number | undefined;
}

/** One kind of engine work. The first columns are: age (ms), tenant, run id, run, id. */
interface Source {
  readonly item: Lease['item'];
  find(nowMs: number, limit: number): readonly Row[];
  /** owner, fence, expiry, length, run, id. */
  readonly take: Statement;
  /** The earliest `claimable_at`. */
  readonly next: Statement;
  toWork(row: Row, lease: Lease): EngineWork;
}

export function prepareEngineClaims(db: DatabaseSync, sequence: Sequence): EngineClaims {
  const sources = [timers(db), recalled(db), messages(db)];

  const takeOne = (
    { source, row }: Found,
    { owner, leaseDurationMs }: ClaimEngineWorkRequest,
    nowMs: number,
  ): EngineWork => {
    const fence = sequence.next();
    const expiresAtMs = nowMs + leaseDurationMs;
    const id = text(row, 4);
    source.take.run(owner, fence, expiresAtMs, leaseDurationMs, integer(row, 3), id);
    const key = { tenant: text(row, 1), runId: text(row, 2) };
    return source.toWork(row, { key, item: source.item, id, owner, fence, expiresAtMs });
  };

  const nextDueAtMs = (): number | undefined => {
    let earliest: number | undefined;
    for (const { next } of sources) {
      const row = next.row();
      if (row) earliest = Math.min(earliest ?? Infinity, integer(row, 0));
    }
    return earliest;
  };

  return {
    nextDueAtMs,
    claim: (request, nowMs) => {
      const found: Found[] = [];
      for (const source of sources)
        for (const row of source.find(nowMs, request.limit)) found.push({ source, row });
      found.sort((a, b) => integer(a.row, 0) - integer(b.row, 0));
      const work = found
        .slice(0, request.limit)
        .map((candidate) => takeOne(candidate, request, nowMs));
      const dueAtMs = nextDueAtMs();
      return dueAtMs === undefined ? { work } : { work, nextDueAtMs: Math.max(dueAtMs, nowMs) };
    },
  };
}

interface Found {
  readonly source: Source;
  readonly row: Row;
}

const TAKE = 'owner = ?1, fence = ?2, claimable_at = ?3, lease_ms = ?4';

function timers(db: DatabaseSync): Source {
  const due = prepare(
    db,
    `SELECT i.due_at, r.tenant, r.run_id, i.run, i.id
     FROM timers i INDEXED BY timers_due CROSS JOIN runs r ON r.id = i.run
     WHERE i.claimable_at <= ? ORDER BY i.claimable_at LIMIT ?`,
  );
  return {
    item: 'timer',
    find: (nowMs, limit) => due.rows(nowMs, limit),
    take: prepare(db, `UPDATE timers SET ${TAKE} WHERE run = ?5 AND id = ?6`),
    next: prepare(db, 'SELECT claimable_at FROM timers ORDER BY claimable_at LIMIT 1'),
    toWork: (row, lease) => ({ kind: 'timer', timerId: lease.id, dueAtMs: integer(row, 0), lease }),
  };
}

function recalled(db: DatabaseSync): Source {
  return {
    item: 'task',
    find: waitingOrExpired(
      db,
      `SELECT i.recalled_at, r.tenant, r.run_id, i.run, i.slot, i.attempt
       FROM tasks i INDEXED BY tasks_recalled CROSS JOIN runs r ON r.id = i.run
       WHERE i.recalled_at IS NOT NULL AND`,
    ),
    take: prepare(
      db,
      `UPDATE tasks SET ${TAKE}, claimed_at = ?3 - ?4, deliveries = deliveries + 1
       WHERE run = ?5 AND slot = ?6`,
    ),
    next: prepare(
      db,
      'SELECT claimable_at FROM tasks WHERE recalled_at IS NOT NULL ORDER BY claimable_at LIMIT 1',
    ),
    toWork: (row, lease) => ({
      kind: 'recalled',
      slot: lease.id,
      attempt: integer(row, 5),
      lease,
    }),
  };
}

function messages(db: DatabaseSync): Source {
  return {
    item: 'message',
    find: waitingOrExpired(
      db,
      `SELECT i.posted_at, r.tenant, r.run_id, i.run, i.id, i.target_tenant, i.target_run, i.body
       FROM messages i INDEXED BY messages_waiting CROSS JOIN runs r ON r.id = i.run WHERE`,
    ),
    take: prepare(db, `UPDATE messages SET ${TAKE} WHERE run = ?5 AND id = ?6`),
    next: prepare(db, 'SELECT claimable_at FROM messages ORDER BY claimable_at LIMIT 1'),
    toWork: (row, lease) => ({
      kind: 'message',
      messageId: lease.id,
      target: { tenant: text(row, 5), runId: text(row, 6) },
      // Written by JSON.stringify of a Json.
      body: JSON.parse(text(row, 7)) as Json,
      lease,
    }),
  };
}

/** Two ranges of one index: what waits in order of arrival, and what was left behind. Neither starves the other. */
function waitingOrExpired(db: DatabaseSync, select: string): Source['find'] {
  const expired = prepare(
    db,
    `${select} i.claimable_at > 0 AND i.claimable_at <= ? ORDER BY i.claimable_at LIMIT ?`,
  );
  const waiting = prepare(db, `${select} i.claimable_at = 0 ORDER BY i.seq LIMIT ?`);
  return (nowMs, limit) => [...expired.rows(nowMs, limit), ...waiting.rows(limit)];
}
