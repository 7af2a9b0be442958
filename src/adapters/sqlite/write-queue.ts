import type { DatabaseSync } from 'node:sqlite';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import { LOCK_WAIT_MS, pauseMs } from './retry-while-busy.ts';
import type { Pacing } from './retry-while-busy.ts';
import type { Sequence } from './sequence.ts';
import { describeFailure, isBusy } from './sqlite-failure.ts';
import { prepare } from './statement.ts';

/** Writes that travel in one transaction, at most. */
const MAX_GROUP = 256;

export interface WriteQueue {
  /**
   * Runs `work` inside the next transaction and answers what it returned once that is durable. Writes of one
   * `run` never share a transaction. Rejects with StoreUnavailableError: nothing of its group was applied, or
   * (when COMMIT itself failed) perhaps all of it.
   */
  submit<T>(work: () => T, run?: string): Promise<T>;
  /** Whether a transaction is coming anyway. */
  hasPending(): boolean;
  /** Refuses later writes, waits for the present ones. */
  drain(): Promise<void>;
}

interface Job {
  readonly run: string | undefined;
  readonly work: () => unknown;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Group commit: everything asked for in one turn of the event loop shares one BEGIN, COMMIT and sync. */
export function createWriteQueue(db: DatabaseSync, sequence: Sequence, pacing: Pacing): WriteQueue {
  const begin = prepare(db, 'BEGIN IMMEDIATE');
  const commit = prepare(db, 'COMMIT');
  const drained: (() => void)[] = [];
  let jobs: Job[] = [];
  let scheduled = false;
  let closed = false;
  let waitedMs = 0;

  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  };

  const flush = (): void => {
    scheduled = false;
    try {
      begin.run();
    } catch (error) {
      if (isBusy(error) && waitedMs < LOCK_WAIT_MS) void pauseThenFlush();
      else end(jobs.splice(0), error);
      return;
    }
    const [group, later] = takeGroup(jobs);
    jobs = later;
    apply(group);
  };

  /** Never blocks the thread: lease renewals and everything else go on while another process writes. */
  const pauseThenFlush = async (): Promise<void> => {
    scheduled = true;
    const pause = pauseMs(pacing);
    waitedMs += pause;
    await pacing.clock.sleep(pause);
    flush();
  };

  const apply = (group: readonly Job[]): void => {
    const answers: unknown[] = [];
    try {
      sequence.forget();
      for (const job of group) answers.push(job.work());
      sequence.save();
      commit.run();
    } catch (error) {
      end(group, rollback(error));
      return;
    }
    for (const [at, job] of group.entries()) job.resolve(answers[at]);
    end([], undefined);
  };

  const rollback = (error: unknown): unknown => {
    try {
      // A full disk makes SQLite roll back by itself.
      if (db.isTransaction) db.exec('ROLLBACK');
      return error;
    } catch (second) {
      return new AggregateError([error, second], describeFailure(error));
    }
  };

  const end = (failed: readonly Job[], error: unknown): void => {
    waitedMs = 0;
    if (failed.length > 0) {
      const failure = new StoreUnavailableError(`SQLite: ${describeFailure(error)}`, {
        cause: error,
      });
      for (const job of failed) job.reject(failure);
    }
    if (jobs.length > 0) schedule();
    else for (const resolve of drained.splice(0)) resolve();
  };

  return {
    hasPending: () => jobs.length > 0,
    submit: <T>(work: () => T, run?: string) =>
      new Promise<T>((resolve, reject) => {
        if (closed) {
          reject(new StoreUnavailableError('the store is closed'));
          return;
        }
        // The queue only hands back what `work` itself returned, so the answer is a T.
        jobs.push({ run, work, resolve: resolve as (answer: unknown) => void, reject });
        schedule();
      }),
    drain: () => {
      closed = true;
      return jobs.length === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            drained.push(resolve);
          });
    },
  };
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
