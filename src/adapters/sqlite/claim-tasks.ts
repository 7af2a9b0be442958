import type { DatabaseSync } from 'node:sqlite';
import type { Json } from '../../domain/json.ts';
import type { Claimed, ClaimedTask, WorkSource } from '../../ports/work-source.ts';
import type { Sequence } from './sequence.ts';
import { integer, optionalText, prepare, text } from './statement.ts';
import type { Row } from './statement.ts';

export type ClaimTasksRequest = Parameters<WorkSource['claimTasks']>[0];

export interface TaskClaims {
  /** Inside a transaction. */
  claim(request: ClaimTasksRequest, nowMs: number): Claimed<ClaimedTask>;
  /** When the earliest task of these queues is claimable: in the past if one is now. Any time, without a lock. */
  nextDueAtMs(queues: readonly string[]): number | undefined;
}

const COLUMNS = `t.place, r.tenant, r.run_id, r.version, t.run, t.slot, t.attempt, t.queue, t.deliveries, t.heartbeat, t.claimable_at`;
// The partial index is small and in the right order; the run is looked up for the few rows that are taken.
const FROM = 'FROM tasks t INDEXED BY tasks_queue CROSS JOIN runs r ON r.id = t.run';

function prepareStatements(db: DatabaseSync) {
  // Waiting ones first (0), then those left behind.
  const claimable = prepare(
    db,
    `SELECT ${COLUMNS} ${FROM} WHERE t.queue = ? AND t.recalled_at IS NULL AND t.claimable_at <= ?
     ORDER BY t.claimable_at, t.place LIMIT ?`,
  );
  const expired = prepare(
    db,
    `SELECT ${COLUMNS} ${FROM} WHERE t.queue = ? AND t.recalled_at IS NULL
       AND t.claimable_at > 0 AND t.claimable_at <= ? ORDER BY t.claimable_at LIMIT ?`,
  );
  const take = prepare(
    db,
    `UPDATE tasks SET owner = ?, fence = ?, claimable_at = ?, lease_ms = ?, claimed_at = ?,
       deliveries = deliveries + 1 WHERE run = ? AND slot = ?`,
  );
  const next = prepare(
    db,
    `SELECT claimable_at FROM tasks WHERE queue = ? AND recalled_at IS NULL
     ORDER BY claimable_at LIMIT 1`,
  );
  return { claimable, expired, take, next };
}

export function prepareTaskClaims(db: DatabaseSync, sequence: Sequence): TaskClaims {
  const { claimable, expired, take, next } = prepareStatements(db);

  /** What was left behind must not starve behind a backlog: where the limit cut it off it is read by itself. */
  const find = (queue: string, nowMs: number, limit: number): readonly Row[] => {
    const rows = claimable.rows(queue, nowMs, limit);
    if (rows.length < limit) return rows;
    const waiting = rows.filter((row) => integer(row, 10) === 0);
    return [...expired.rows(queue, nowMs, limit), ...waiting];
  };

  const takeOne = (row: Row, request: ClaimTasksRequest, nowMs: number): ClaimedTask => {
    const { owner, leaseDurationMs } = request;
    const fence = sequence.next();
    const expiresAtMs = nowMs + leaseDurationMs;
    const slot = text(row, 5);
    take.run(owner, fence, expiresAtMs, leaseDurationMs, nowMs, integer(row, 4), slot);
    const key = { tenant: text(row, 1), runId: text(row, 2) };
    const heartbeat = optionalText(row, 9);
    return {
      slot,
      attempt: integer(row, 6),
      queue: text(row, 7),
      delivery: integer(row, 8) + 1,
      runVersion: integer(row, 3),
      // Written by JSON.stringify of a Json.
      ...(heartbeat === undefined ? {} : { heartbeat: JSON.parse(heartbeat) as Json }),
      lease: { key, item: 'task', id: slot, owner, fence, expiresAtMs },
    };
  };

  const nextDueAtMs = (queues: readonly string[]): number | undefined => {
    let earliest: number | undefined;
    for (const queue of queues) {
      const row = next.row(queue);
      if (row) earliest = Math.min(earliest ?? Infinity, integer(row, 0));
    }
    return earliest;
  };

  return {
    nextDueAtMs,
    claim: (request, nowMs) => {
      const { limit } = request;
      const queues = new Set(request.queues);
      const found: Row[] = [];
      for (const queue of queues) found.push(...find(queue, nowMs, limit));
      found.sort((a, b) => integer(a, 0) - integer(b, 0));
      const work = found.slice(0, limit).map((row) => takeOne(row, request, nowMs));
      const dueAtMs = nextDueAtMs(request.queues);
      return dueAtMs === undefined ? { work } : { work, nextDueAtMs: Math.max(dueAtMs, nowMs) };
    },
  };
}
