import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../ports/clock.ts';
import type { IdSource } from '../../ports/id-source.ts';
import type { Logger } from '../../ports/logger.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import { createChangeNotices } from './change-notices.ts';
import type { ChangeNotices } from './change-notices.ts';
import { prepareLeaseTable } from './lease-table.ts';
import type { LeaseTable } from './lease-table.ts';
import { retryWhileBusy } from './retry-while-busy.ts';
import { createSequence } from './sequence.ts';
import type { Sequence } from './sequence.ts';
import { asUnavailable } from './sqlite-failure.ts';
import { prepare } from './statement.ts';
import { createTurns } from './turns.ts';
import type { Turns } from './turns.ts';
import { WriteQueue } from './write-queue.ts';

/** What the parts of the store share: one connection and the ways to use it. */
export interface SqliteSession {
  readonly db: DatabaseSync;
  readonly clock: Clock;
  readonly sequence: Sequence;
  readonly turns: Turns;
  readonly leases: LeaseTable;
  readonly writes: WriteQueue;
  readonly notices: ChangeNotices;
  /** Runs one SELECT. Rejects with StoreUnavailableError. */
  read<T>(select: () => T): Promise<T>;
  /** Runs several SELECTs on one snapshot of the database. Rejects with StoreUnavailableError. */
  readTogether<T>(select: () => T): Promise<T>;
  close(): Promise<void>;
}

export function createSqliteSession(
  db: DatabaseSync,
  pacing: { readonly clock: Clock; readonly ids: IdSource; readonly logger: Logger },
): SqliteSession {
  const begin = prepare(db, 'BEGIN');
  const end = prepare(db, 'COMMIT');
  const sequence = createSequence(db);
  const turns = createTurns(db);
  const writes = new WriteQueue(db, [sequence, turns], pacing);
  const notices = createChangeNotices(db, pacing.logger);

  const read = async <T>(select: () => T): Promise<T> => {
    try {
      return await retryWhileBusy(pacing, () => {
        if (!db.isOpen) throw new StoreUnavailableError('the store is closed');
        return select();
      });
    } catch (error) {
      throw asUnavailable(error);
    }
  };

  return {
    db,
    clock: pacing.clock,
    sequence,
    turns,
    leases: prepareLeaseTable(db),
    writes,
    notices,
    read,
    readTogether: (select) =>
      read(() => {
        begin.run();
        try {
          return select();
        } finally {
          if (db.isTransaction) end.run();
        }
      }),
    close: async () => {
      notices.stop();
      await writes.drain();
      if (db.isOpen) db.close();
    },
  };
}
