import type { DatabaseSync } from 'node:sqlite';
import type { IndexEntry, RunKey, RunStore } from '../../ports/run-store.ts';
import { marksToBits } from './run-marks.ts';
import { integer, prepare, text } from './statement.ts';

export type PurgeRule = Parameters<RunStore['purgeFinished']>[0];

/** Inside a transaction. */
export interface RunMaintenance {
  replaceIndex(key: RunKey, version: number, entry: IndexEntry): boolean;
  purge(rule: PurgeRule): number;
}

export function prepareRunMaintenance(db: DatabaseSync): RunMaintenance {
  const replace = prepare(
    db,
    `UPDATE runs SET name = ?, status = ?, started_at = ?, finished_at = ?, marks = ?
     WHERE tenant = ? AND run_id = ? AND version = ?`,
  );
  // Steps from tenant to tenant through the index instead of reading every entry.
  const nextTenant = prepare(
    db,
    'SELECT min(tenant) FROM runs WHERE finished_at IS NOT NULL AND tenant > ?',
  );
  const DELIVERED = 'NOT EXISTS (SELECT 1 FROM messages m WHERE m.run = runs.id)';
  const old = prepare(
    db,
    `SELECT id FROM runs INDEXED BY runs_finished WHERE tenant = ? AND finished_at IS NOT NULL
       AND finished_at < ? AND ${DELIVERED} ORDER BY finished_at, id LIMIT ?`,
  );
  // The newest `keepNewest` are skipped first; of the rest the oldest go first.
  const surplus = prepare(
    db,
    `SELECT id FROM (
       SELECT id, finished_at FROM runs INDEXED BY runs_finished
       WHERE tenant = ? AND finished_at IS NOT NULL
       ORDER BY finished_at DESC, id DESC LIMIT -1 OFFSET ?) AS runs
     WHERE ${DELIVERED} ORDER BY finished_at, id LIMIT ?`,
  );
  const removals = ['history', 'snapshots', 'commands', 'tasks', 'timers'].map((table) =>
    prepare(db, `DELETE FROM ${table} WHERE run = ?`),
  );
  // Takes the artifacts along: schema.ts says why.
  const removeRun = prepare(db, 'DELETE FROM runs WHERE id = ?');

  // Where no task is left there is nothing to take turns with.
  const forgetTurns = prepare(
    db,
    `DELETE FROM turns WHERE NOT EXISTS (SELECT 1 FROM tasks t INDEXED BY tasks_queue
       WHERE t.queue = turns.queue AND t.recalled_at IS NULL)`,
  );

  const remove = (run: number): void => {
    for (const removal of removals) removal.run(run);
    removeRun.run(run);
  };

  const removable = (tenant: string, rule: PurgeRule, limit: number): Set<number> => {
    const rows = [
      ...old.rows(tenant, rule.finishedBeforeMs, limit),
      ...surplus.rows(tenant, rule.keepNewest, limit),
    ];
    return new Set(rows.map((row) => integer(row, 0)));
  };

  const tenants = (): string[] => {
    const found: string[] = [];
    for (let row = nextTenant.row(''); row && row[0] !== null; row = nextTenant.row(text(row, 0)))
      found.push(text(row, 0));
    return found;
  };

  return {
    replaceIndex: ({ tenant, runId }, version, entry) => {
      const { name, status, startedAtMs } = entry;
      const finishedAtMs = entry.finishedAtMs ?? null;
      const marks = marksToBits(entry.marks);
      return (
        replace.run(name, status, startedAtMs, finishedAtMs, marks, tenant, runId, version) > 0
      );
    },
    purge: (rule) => {
      forgetTurns.run();
      let removed = 0;
      for (const tenant of tenants()) {
        for (const run of [...removable(tenant, rule, rule.limit)].slice(0, rule.limit - removed)) {
          remove(run);
          removed += 1;
        }
      }
      return removed;
    },
  };
}
