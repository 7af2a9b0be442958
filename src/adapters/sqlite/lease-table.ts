import type { DatabaseSync } from 'node:sqlite';
import type { RunKey } from '../../ports/run-store.ts';
import type { Lease } from '../../ports/work-source.ts';
import { integer, optionalInteger, prepare } from './statement.ts';

/** What the three kinds of leased items have in common. All but `heldFor` only inside a transaction. */
export interface LeaseTable {
  /** The row id of a run, if it exists. */
  findRun(key: RunKey): number | undefined;
  /** How long the holder asked for (ms), or `undefined` when it holds the item no more. */
  heldFor(run: number, lease: Lease): number | undefined;
  /** The item's work is done. */
  remove(run: number, lease: Lease): void;
  /** Whether a recall is pending, or `undefined` when the lease is lost. */
  renew(
    lease: Lease,
    expiresAtMs: number,
    durationMs: number,
    heartbeat: string | null,
  ): boolean | undefined;
  release(lease: Lease): boolean;
  discard(lease: Lease): boolean;
}

// The run is looked up inside, so that renewals and the like are one statement each.
const HELD = `run = (SELECT id FROM runs WHERE tenant = ? AND run_id = ?) AND id = ? AND owner = ? AND fence = ?`;

export function prepareLeaseTable(db: DatabaseSync): LeaseTable {
  const findRun = prepare(db, 'SELECT id FROM runs WHERE tenant = ? AND run_id = ?');
  const items = {
    task: prepareTasks(db),
    timer: prepareItems(db, 'timers', 'due_at'),
    message: prepareItems(db, 'messages', '0'),
  };

  return {
    findRun: (key) => {
      const row = findRun.row(key.tenant, key.runId);
      return row && integer(row, 0);
    },
    heldFor: (run, { item, id, owner, fence }) => {
      const row = items[item].held.row(run, id, owner, fence);
      return row && integer(row, 0);
    },
    remove: (run, { item, id }) => {
      items[item].remove.run(run, id);
    },
    renew: ({ key, item, id, owner, fence }, expiresAtMs, durationMs, heartbeat) => {
      const held = [key.tenant, key.runId, id, owner, fence];
      const row =
        item === 'task'
          ? items.task.renew.row(expiresAtMs, durationMs, heartbeat, ...held)
          : items[item].renew.row(expiresAtMs, durationMs, ...held);
      return row && optionalInteger(row, 0) !== undefined;
    },
    release: ({ key, item, id, owner, fence }) =>
      items[item].release.run(key.tenant, key.runId, id, owner, fence) > 0,
    discard: ({ key, item, id, owner, fence }) =>
      items[item].discard.run(key.tenant, key.runId, id, owner, fence) > 0,
  };
}

function prepareTasks(db: DatabaseSync) {
  const held = HELD.replace('id = ? AND owner', 'slot = ? AND owner');
  return {
    held: prepare(
      db,
      'SELECT lease_ms FROM tasks WHERE run = ? AND slot = ? AND owner = ? AND fence = ?',
    ),
    remove: prepare(db, 'DELETE FROM tasks WHERE run = ? AND slot = ?'),
    renew: prepare(
      db,
      `UPDATE tasks SET claimable_at = ?, lease_ms = ?, heartbeat = coalesce(?, heartbeat)
       WHERE ${held} RETURNING recalled_at`,
    ),
    release: prepare(
      db,
      `UPDATE tasks SET owner = NULL, claimable_at = 0, claimed_at = NULL, deliveries = deliveries - 1
       WHERE ${held}`,
    ),
    discard: prepare(db, `DELETE FROM tasks WHERE ${held}`),
  };
}

function prepareItems(db: DatabaseSync, table: 'timers' | 'messages', freeAt: string) {
  return {
    held: prepare(
      db,
      `SELECT lease_ms FROM ${table} WHERE run = ? AND id = ? AND owner = ? AND fence = ?`,
    ),
    remove: prepare(db, `DELETE FROM ${table} WHERE run = ? AND id = ?`),
    renew: prepare(
      db,
      `UPDATE ${table} SET claimable_at = ?, lease_ms = ? WHERE ${HELD} RETURNING NULL`,
    ),
    release: prepare(
      db,
      `UPDATE ${table} SET owner = NULL, claimable_at = ${freeAt} WHERE ${HELD}`,
    ),
    discard: prepare(db, `DELETE FROM ${table} WHERE ${HELD}`),
  };
}
