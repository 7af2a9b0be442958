import type { DatabaseSync } from 'node:sqlite';
import type {
  CommitCommand,
  CommitRequest,
  CommitResult,
  IndexEntry,
} from '../../ports/run-store.ts';
import type { Lease } from '../../ports/work-source.ts';
import type { LeaseTable } from './lease-table.ts';
import type { Sequence } from './sequence.ts';
import { prepare } from './statement.ts';
import { prepareWorkWrites } from './work-writes.ts';

export interface RunRow {
  readonly id: number;
  readonly version: number;
}

/** The writing half of a commit; everything was checked before. Only inside a transaction. */
export interface CommitWrites {
  /** Creates the run and writes all of a request without leases; `undefined` when the run exists: nothing is written. */
  create(request: CommitRequest, nowMs: number): CommitResult | undefined;
  /** `leaseMs[i]` is the length of the lease that command i acknowledges. */
  apply(
    request: CommitRequest,
    run: RunRow | undefined,
    leaseMs: readonly (number | undefined)[],
    nowMs: number,
  ): CommitResult;
}

export function prepareCommitWrites(
  db: DatabaseSync,
  sequence: Sequence,
  leases: LeaseTable,
): CommitWrites {
  const work = prepareWorkWrites(db, sequence);
  const insertRun = prepare(
    db,
    `INSERT INTO runs (tenant, run_id, version, name, status, started_at, finished_at)
     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  );
  const updateVersion = prepare(db, 'UPDATE runs SET version = ? WHERE id = ?');
  const updateRun = prepare(
    db,
    `UPDATE runs SET version = ?, name = ?, status = ?, started_at = ?, finished_at = ? WHERE id = ?`,
  );
  const insertHistory = prepare(
    db,
    'INSERT INTO history (run, first_seq, events) VALUES (?, ?, ?)',
  );
  const insertCommand = prepare(
    db,
    'INSERT INTO commands (run, id, digest, answer) VALUES (?, ?, ?, ?)',
  );
  const replaceSnapshot = prepare(
    db,
    'INSERT OR REPLACE INTO snapshots (run, version, data) VALUES (?, ?, ?)',
  );

  const insert = ({ key, index, events }: CommitRequest): number | undefined =>
    insertRun.insert(
      key.tenant,
      key.runId,
      events.length,
      index?.name ?? null,
      index?.status ?? null,
      index?.startedAtMs ?? null,
      index?.finishedAtMs ?? null,
    );

  const update = (run: RunRow, version: number, index: IndexEntry | undefined): void => {
    if (!index) {
      if (version !== run.version) updateVersion.run(version, run.id);
      return;
    }
    const { name, status, startedAtMs, finishedAtMs } = index;
    updateRun.run(version, name, status, startedAtMs, finishedAtMs ?? null, run.id);
  };

  /** Ends the acknowledged item, or hands its lease on. */
  const settle = (
    run: number,
    command: CommitCommand,
    request: CommitRequest,
    leaseMs: number,
    nowMs: number,
  ): Lease | undefined => {
    const { acknowledge: lease, continueWith: next } = command;
    if (!lease) return undefined;
    if (next) return work.handOn(run, lease, next, leaseMs, nowMs);
    const { key } = lease;
    const isOwn = key.runId === request.key.runId && key.tenant === request.key.tenant;
    const holder = isOwn ? run : leases.findRun(key);
    if (holder !== undefined) leases.remove(holder, lease);
    return undefined;
  };

  const write = (
    run: number,
    request: CommitRequest,
    version: number,
    leaseMs: readonly (number | undefined)[],
    nowMs: number,
  ): CommitResult => {
    const { commands, events, snapshot } = request;
    if (events.length > 0) insertHistory.run(run, version - events.length + 1, events.join('\n'));
    if (snapshot) replaceSnapshot.run(run, snapshot.version, snapshot.data);
    const handedOn: (Lease | undefined)[] = [];
    for (const [at, command] of commands.entries()) {
      insertCommand.run(run, command.id, command.digest ?? null, JSON.stringify(command.answer));
      handedOn.push(settle(run, command, request, leaseMs[at] ?? 0, nowMs));
    }
    work.schedule(run, request, nowMs);
    return { kind: 'committed', version, leases: handedOn };
  };

  return {
    create: (request, nowMs) => {
      const run = insert(request);
      return run === undefined ? undefined : write(run, request, request.events.length, [], nowMs);
    },
    apply: (request, run, leaseMs, nowMs) => {
      const version = (run?.version ?? 0) + request.events.length;
      const id = run?.id ?? insert(request);
      if (id === undefined) throw new Error('commit: the run appeared inside a transaction');
      if (run) update(run, version, request.index);
      return write(id, request, version, leaseMs, nowMs);
    },
  };
}
