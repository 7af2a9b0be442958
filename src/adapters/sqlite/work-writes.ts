import type { DatabaseSync } from 'node:sqlite';
import type { CommitRequest, NewTask } from '../../ports/run-store.ts';
import { CLASS_SPAN, placeOf } from '../../ports/task-place.ts';
import type { Lease } from '../../ports/work-source.ts';
import type { Sequence } from './sequence.ts';
import { prepare } from './statement.ts';
import type { Turns } from './turns.ts';

/** What a commit does to tasks, timers and the outbox. Only inside a transaction. */
export interface WorkWrites {
  /** The leased task's row becomes the next task: its age stays, its old lease dies. */
  handOn(run: number, lease: Lease, next: NewTask, leaseMs: number, nowMs: number): Lease;
  schedule(run: number, request: CommitRequest, nowMs: number): void;
}

export function prepareWorkWrites(db: DatabaseSync, sequence: Sequence, turns: Turns): WorkWrites {
  // As `placeIn` of ports/task-place.ts does it.
  const rewriteTask = prepare(
    db,
    `UPDATE OR REPLACE tasks SET slot = ?, attempt = ?, queue = ?,
       place = (place + ${CLASS_SPAN}) % ${CLASS_SPAN} + ?, enqueued_at = ?, claimable_at = ?,
       fence = ?, claimed_at = ?, deliveries = 1, recalled_at = NULL, heartbeat = NULL
     WHERE run = ? AND slot = ?`,
  );
  const enqueue = prepare(
    db,
    `INSERT OR REPLACE INTO tasks (run, slot, attempt, queue, seq, place, enqueued_at)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const recall = prepare(
    db,
    'UPDATE tasks SET recalled_at = ? WHERE run = ? AND slot = ? AND recalled_at IS NULL',
  );
  const cancelTimer = prepare(db, 'DELETE FROM timers WHERE run = ? AND id = ?');
  const setTimer = prepare(
    db,
    'INSERT OR REPLACE INTO timers (run, id, due_at, claimable_at) VALUES (?, ?, ?, ?)',
  );
  const post = prepare(
    db,
    `INSERT INTO messages (run, id, seq, target_tenant, target_run, body, posted_at)
     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  );

  return {
    handOn: (run, lease, { slot, attempt, queue, priority }, leaseMs, nowMs) => {
      const expiresAtMs = nowMs + leaseMs;
      const fence = sequence.next();
      const first = placeOf(0, priority);
      rewriteTask.run(slot, attempt, queue, first, nowMs, expiresAtMs, fence, nowMs, run, lease.id);
      return { key: lease.key, item: 'task', id: slot, owner: lease.owner, fence, expiresAtMs };
    },
    schedule: (run, request, nowMs) => {
      const { tenant } = request.key;
      for (const { slot, attempt, queue, priority = 'normal' } of request.enqueue) {
        const number = sequence.next();
        const place = turns.nextPlace(tenant, queue, priority, number);
        enqueue.run(run, slot, attempt, queue, number, place, nowMs);
      }
      for (const slot of request.recall) recall.run(nowMs, run, slot);
      for (const timerId of request.cancelTimers) cancelTimer.run(run, timerId);
      for (const { timerId, dueAtMs } of request.timers)
        setTimer.run(run, timerId, dueAtMs, dueAtMs);
      for (const { messageId, target, body } of request.messages)
        post.run(
          run,
          messageId,
          sequence.next(),
          target.tenant,
          target.runId,
          JSON.stringify(body),
          nowMs,
        );
    },
  };
}
