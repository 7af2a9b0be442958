import type { DatabaseSync } from 'node:sqlite';
import type {
  CommitCommand,
  CommitRequest,
  CommitResult,
  IndexEntry,
} from '../../ports/run-store.ts';
import type { Lease } from '../../ports/work-source.ts';
import type { LeaseTable } from './lease-table.ts';
import { marksToBits } from './run-marks.ts';
import type { Sequence } from './sequence.ts';
import { prepare } from './statement.ts';
import type { Turns } from './turns.ts';
import { prepareWorkWrites } from './work-writes.ts';
import type { WorkWrites } from './work-writes.ts';

export interface RunRow {
  readonly id: number;
  readonly version: number;
}

function prepareStatements(db: DatabaseSync) {
  return {
    insertRun: prepare(
      db,
      `INSERT INTO runs (tenant, run_id, version, name, status, started_at, finished_at, marks)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ),
    updateVersion: prepare(db, 'UPDATE runs SET version = ? WHERE id = ?'),
    updateRun: prepare(
      db,
      `UPDATE runs SET version = ?, name = ?, status = ?, started_at = ?, finished_at = ?, marks = ?
       WHERE id = ?`,
    ),
    insertHistory: prepare(db, 'INSERT INTO history (run, first_seq, events) VALUES (?, ?, ?)'),
    insertCommand: prepare(
      db,
      'INSERT INTO commands (run, id, digest, answer) VALUES (?, ?, ?, ?)',
    ),
    replaceSnapshot: prepare(
      db,
      'INSERT OR REPLACE INTO snapshots (run, version, data) VALUES (?, ?, ?)',
    ),
  };
}

/** The writing half of a commit; everything was checked before. Only inside a transaction. */
export class CommitWrites {
  readonly #sql: ReturnType<typeof prepareStatements>;
  readonly #work: WorkWrites;
  readonly #leases: LeaseTable;

  constructor(db: DatabaseSync, sequence: Sequence, turns: Turns, leases: LeaseTable) {
    this.#sql = prepareStatements(db);
    this.#work = prepareWorkWrites(db, sequence, turns);
    this.#leases = leases;
  }

  /** Creates the run and writes all of a request without leases; `undefined` when the run exists: nothing is written. */
  create(request: CommitRequest, nowMs: number): CommitResult | undefined {
    const run = this.#insert(request);
    return run === undefined
      ? undefined
      : this.#write(run, request, request.events.length, [], nowMs);
  }

  /** `leaseMs[i]` is the length of the lease that command i acknowledges. */
  apply(
    request: CommitRequest,
    run: RunRow | undefined,
    leaseMs: readonly (number | undefined)[],
    nowMs: number,
  ): CommitResult {
    const version = (run?.version ?? 0) + request.events.length;
    const id = run?.id ?? this.#insert(request);
    if (id === undefined) throw new Error('commit: the run appeared inside a transaction');
    if (run) this.#update(run, version, request.index);
    return this.#write(id, request, version, leaseMs, nowMs);
  }

  #insert({ key, index, events }: CommitRequest): number | undefined {
    return this.#sql.insertRun.insert(
      key.tenant,
      key.runId,
      events.length,
      index?.name ?? null,
      index?.status ?? null,
      index?.startedAtMs ?? null,
      index?.finishedAtMs ?? null,
      index ? marksToBits(index.marks) : 0,
    );
  }

  #update(run: RunRow, version: number, index: IndexEntry | undefined): void {
    if (!index) {
      if (version !== run.version) this.#sql.updateVersion.run(version, run.id);
      return;
    }
    const { name, status, startedAtMs, finishedAtMs } = index;
    const marks = marksToBits(index.marks);
    this.#sql.updateRun.run(
      version,
      name,
      status,
      startedAtMs,
      finishedAtMs ?? null,
      marks,
      run.id,
    );
  }

  #write(
    run: number,
    request: CommitRequest,
    version: number,
    leaseMs: readonly (number | undefined)[],
    nowMs: number,
  ): CommitResult {
    const { commands, events, snapshot } = request;
    const { insertHistory, insertCommand, replaceSnapshot } = this.#sql;
    if (events.length > 0) insertHistory.run(run, version - events.length + 1, events.join('\n'));
    if (snapshot) replaceSnapshot.run(run, snapshot.version, snapshot.data);
    const leases: (Lease | undefined)[] = [];
    for (const [at, command] of commands.entries()) {
      insertCommand.run(run, command.id, command.digest ?? null, JSON.stringify(command.answer));
      leases.push(this.#settle(run, command, request, leaseMs[at] ?? 0, nowMs));
    }
    this.#work.schedule(run, request, nowMs);
    return { kind: 'committed', version, leases };
  }

  /** Ends the acknowledged item, or hands its lease on. */
  #settle(
    run: number,
    { acknowledge: lease, continueWith: next }: CommitCommand,
    request: CommitRequest,
    leaseMs: number,
    nowMs: number,
  ): Lease | undefined {
    if (!lease) return undefined;
    if (next) return this.#work.handOn(run, lease, next, leaseMs, nowMs);
    const { key } = lease;
    const isOwn = key.runId === request.key.runId && key.tenant === request.key.tenant;
    const holder = isOwn ? run : this.#leases.findRun(key);
    if (holder !== undefined) this.#leases.remove(holder, lease);
    return undefined;
  }
}
