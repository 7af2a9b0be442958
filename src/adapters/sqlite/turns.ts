import type { DatabaseSync } from 'node:sqlite';
import type { Priority } from '../../domain/priority.ts';
import { placeOf, placesOf } from '../../ports/task-place.ts';
import { integer, prepare } from './statement.ts';

/**
 * Whose turn it is in a queue (ports/task-place.ts). The last place of each tenant stands in the file, so that all
 * processes share it; of all tasks of a transaction that one tenant puts into one queue it is read and written once
 * (and the waiting tasks are looked at once, unless another tenant's are among them).
 */
export interface Turns {
  /** The place of a task that was given `number`, higher than all before. Only inside a transaction. */
  nextPlace(tenant: string, queue: string, priority: Priority, number: number): number;
  /** Before the transaction commits. */
  save(): void;
  /** When a transaction begins: others may have had turns, and what a rollback undid is void. */
  forget(): void;
}

interface Turn {
  readonly tenant: string;
  readonly queue: string;
  readonly priority: Priority;
  /** The last place of the tenant in the queue. */
  place: number;
}

export function createTurns(db: DatabaseSync): Turns {
  const select = prepare(
    db,
    'SELECT place FROM turns WHERE queue = ? AND priority = ? AND tenant = ?',
  );
  const replace = prepare(
    db,
    'INSERT OR REPLACE INTO turns (queue, priority, tenant, place) VALUES (?, ?, ?, ?)',
  );
  const firstRound = prepare(
    db,
    `SELECT place FROM tasks INDEXED BY tasks_queue
     WHERE queue = ? AND recalled_at IS NULL AND claimable_at = 0 AND place > ? AND place < ?
     ORDER BY place LIMIT 1`,
  );
  const turns = new Map<string, Turn>();
  /** Of each queue and priority: the place at its end, where this transaction put it there. */
  const ends = new Map<string, number>();

  const read = (tenant: string, queue: string, priority: Priority): Turn => {
    const row = select.row(queue, priority, tenant);
    // Below all places of the priority: a tenant that was never there joins the first round.
    const place = row ? integer(row, 0) : placesOf(priority)[0] - 1;
    return { tenant, queue, priority, place };
  };

  const roundAfter = ({ queue, priority, place }: Turn): number | undefined => {
    const row = firstRound.row(queue, place, placesOf(priority)[1]);
    return row && integer(row, 0);
  };

  return {
    nextPlace: (tenant, queue, priority, number) => {
      const line = `${priority} ${queue}`;
      const name = `${tenant.length} ${tenant} ${line}`;
      const turn = turns.get(name) ?? read(tenant, queue, priority);
      turns.set(name, turn);
      const round = ends.get(line) === turn.place ? undefined : roundAfter(turn);
      turn.place = round ?? placeOf(number, priority);
      if (round === undefined) ends.set(line, turn.place);
      return turn.place;
    },
    save: () => {
      for (const { queue, priority, tenant, place } of turns.values())
        replace.run(queue, priority, tenant, place);
    },
    forget: () => {
      turns.clear();
      ends.clear();
    },
  };
}
