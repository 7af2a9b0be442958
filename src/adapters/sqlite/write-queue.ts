import type { DatabaseSync } from 'node:sqlite';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import { LOCK_WAIT_MS, pauseMs } from './retry-while-busy.ts';
import type { Pacing } from './retry-while-busy.ts';
import { NotBegunError, describeFailure, isBusy, storeTrouble } from './sqlite-failure.ts';
import { prepare } from './statement.ts';
import type { Statement } from './statement.ts';

/** Writes that travel in one transaction, at most. */
const MAX_GROUP = 256;

interface Job {
  readonly run: string | undefined;
  readonly work: () => unknown;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** What is kept in memory while a transaction runs. */
export interface Carried {
  /** When it begins. */
  forget(): void;
  /** Before it commits. */
  save(): void;
}

/** Group commit: everything asked for in one turn of the event loop shares one BEGIN, COMMIT and sync. */
export class WriteQueue {
  readonly #db: DatabaseSync;
  readonly #carried: readonly Carried[];
  readonly #pacing: Pacing;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #drained: (() => void)[] = [];
  #jobs: Job[] = [];
  #scheduled = false;
  #closed = false;
  #waitedMs = 0;

  constructor(db: DatabaseSync, carried: readonly Carried[], pacing: Pacing) {
    this.#db = db;
    this.#carried = carried;
    this.#pacing = pacing;
    this.#begin = prepare(db, 'BEGIN IMMEDIATE');
    this.#commit = prepare(db, 'COMMIT');
  }

  /**
   * Runs `work` inside the next transaction and answers what it returned once that is durable. Writes of one
   * `run` never share a transaction. Rejects with NotBegunError: nothing was written; or with StoreUnavailableError:
   * nothing of its group was applied, or (when COMMIT itself failed) perhaps all of it.
   */
  submit<T>(work: () => T, run?: string): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) {
        reject(new StoreUnavailableError('the store is closed'));
        return;
      }
      // The queue only hands back what `work` itself returned, so the answer is a T.
      this.#jobs.push({ run, work, resolve: resolve as (answer: unknown) => void, reject });
      this.#schedule();
    });
  }

  /** Whether a transaction is coming anyway. */
  hasPending(): boolean {
    return this.#jobs.length > 0;
  }

  /** Refuses later writes, waits for the present ones. */
  async drain(): Promise<void> {
    this.#closed = true;
    if (this.#jobs.length === 0) return;
    await new Promise<void>((resolve) => {
      this.#drained.push(resolve);
    });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    try {
      this.#begin.run();
    } catch (error) {
      if (isBusy(error) && this.#waitedMs < LOCK_WAIT_MS) void this.#pauseThenFlush();
      else this.#end(this.#jobs.splice(0), notBegun(error));
      return;
    }
    const [group, later] = takeGroup(this.#jobs);
    this.#jobs = later;
    this.#apply(group);
  }

  /** Never blocks the thread: lease renewals and everything else go on while another process writes. */
  async #pauseThenFlush(): Promise<void> {
    this.#scheduled = true;
    const pause = pauseMs(this.#pacing);
    this.#waitedMs += pause;
    await this.#pacing.clock.sleep(pause);
    this.#flush();
  }

  #apply(group: readonly Job[]): void {
    const answers: unknown[] = [];
    try {
      for (const each of this.#carried) each.forget();
      for (const job of group) answers.push(job.work());
      for (const each of this.#carried) each.save();
      this.#commit.run();
    } catch (error) {
      this.#end(group, unavailable(this.#rollBack(error)));
      return;
    }
    for (const [at, job] of group.entries()) job.resolve(answers[at]);
    this.#end([]);
  }

  #rollBack(error: unknown): unknown {
    try {
      // A full disk makes SQLite roll back by itself.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      return error;
    } catch (second) {
      return new AggregateError([error, second], describeFailure(error));
    }
  }

  #end(failed: readonly Job[], failure?: StoreUnavailableError): void {
    this.#waitedMs = 0;
    if (failure) for (const job of failed) job.reject(failure);
    if (this.#jobs.length > 0) this.#schedule();
    else for (const resolve of this.#drained.splice(0)) resolve();
  }
}

function notBegun(cause: unknown): NotBegunError {
  return new NotBegunError(`${storeTrouble(cause)}; nothing was written in this try`, { cause });
}

function unavailable(cause: unknown): StoreUnavailableError {
  return new StoreUnavailableError(storeTrouble(cause), { cause });
}

/** The next group, and what must wait: beyond the bound, or of a run that is already in the group. */
function takeGroup(jobs: Job[]): [group: Job[], later: Job[]] {
  const group: Job[] = [];
  const later: Job[] = [];
  const runs = new Set<string>();
  for (const job of jobs) {
    if (group.length >= MAX_GROUP || (job.run !== undefined && runs.has(job.run))) {
      later.push(job);
      continue;
    }
    if (job.run !== undefined) runs.add(job.run);
    group.push(job);
  }
  return [group, later];
}
