import type { DatabaseSync } from 'node:sqlite';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import { integer, prepare } from './statement.ts';

/**
 * One growing number for the whole file: fences, queue order and revisions are drawn from it, so that none ever comes
 * twice, also not for an item that was removed and made anew. Read and written at most once a transaction.
 */
export interface Sequence {
  /** Only inside a transaction. */
  next(): number;
  /** Before the transaction commits. */
  save(): void;
  /** When a transaction begins: others may have drawn numbers, and what a rollback undid is void. */
  forget(): void;
}

export function createSequence(db: DatabaseSync): Sequence {
  const select = prepare(db, 'SELECT sequence FROM meta WHERE id = 1');
  const update = prepare(db, 'UPDATE meta SET sequence = ? WHERE id = 1');
  let value: number | undefined;

  const read = (): number => {
    const row = select.row();
    if (!row) throw new StoreUnavailableError('the database has lost its meta row: is it damaged?');
    return integer(row, 0);
  };

  return {
    next: () => (value = (value ?? read()) + 1),
    save: () => {
      if (value !== undefined) update.run(value);
    },
    forget: () => {
      value = undefined;
    },
  };
}
