import type { DatabaseSync } from 'node:sqlite';
import type { Json } from '../../domain/json.ts';
import type { RunKey } from '../../ports/run-store.ts';
import type { OpenTask, OpenWork, QueueDepth } from '../../ports/work-source.ts';
import { integer, optionalInteger, optionalText, prepare, text } from './statement.ts';
import type { Row } from './statement.ts';

export interface OpenWorkReads {
  ofRun(key: RunKey): OpenWork;
  queueDepths(nowMs: number): readonly QueueDepth[];
}

const OF_RUN = 'run = (SELECT id FROM runs WHERE tenant = ? AND run_id = ?)';

export function prepareOpenWork(db: DatabaseSync): OpenWorkReads {
  const tasks = prepare(
    db,
    `SELECT slot, attempt, queue, deliveries, recalled_at, heartbeat, owner, claimable_at, claimed_at
     FROM tasks WHERE ${OF_RUN} ORDER BY slot`,
  );
  const timers = prepare(db, `SELECT id, due_at FROM timers WHERE ${OF_RUN} ORDER BY due_at, id`);
  const messages = prepare(db, `SELECT count(*) FROM messages WHERE ${OF_RUN}`);
  const depths = prepare(
    db,
    `SELECT queue, sum(claimable_at <= ?1), sum(claimable_at > ?1),
       min(CASE WHEN claimable_at <= ?1 THEN enqueued_at END)
     FROM tasks WHERE recalled_at IS NULL GROUP BY queue ORDER BY queue`,
  );

  return {
    ofRun: ({ tenant, runId }) => ({
      tasks: tasks.rows(tenant, runId).map(toTask),
      timers: timers
        .rows(tenant, runId)
        .map((row) => ({ timerId: text(row, 0), dueAtMs: integer(row, 1) })),
      messages: integer(messages.row(tenant, runId) ?? [], 0),
    }),
    queueDepths: (nowMs) =>
      depths.rows(nowMs).map((row) => {
        const oldestWaitingSinceMs = optionalInteger(row, 3);
        return {
          queue: text(row, 0),
          waiting: integer(row, 1),
          leased: integer(row, 2),
          ...(oldestWaitingSinceMs === undefined ? {} : { oldestWaitingSinceMs }),
        };
      }),
  };
}

function toTask(row: Row): OpenTask {
  const heartbeat = optionalText(row, 5);
  const owner = optionalText(row, 6);
  return {
    slot: text(row, 0),
    attempt: integer(row, 1),
    queue: text(row, 2),
    deliveries: integer(row, 3),
    recalled: row[4] !== null,
    // Written by JSON.stringify of a Json.
    ...(heartbeat === undefined ? {} : { heartbeat: JSON.parse(heartbeat) as Json }),
    ...(owner === undefined
      ? {}
      : { lease: { owner, expiresAtMs: integer(row, 7), claimedAtMs: integer(row, 8) } }),
  };
}
