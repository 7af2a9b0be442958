import type { ChangeFeed, StoreChange } from '../../ports/change-feed.ts';
import type { Clock } from '../../ports/clock.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import type { Store } from '../../ports/store.ts';
import type { MemoryDatabase } from './memory-database.ts';

/** What a simulation may do to one operation. */
export interface StoreFaults {
  /**
   * Called before every operation with its name; the operation waits for the answer (a delay, or an order drawn by the
   * simulation). `fail`: it is not applied and reads as unavailable; `lose-reply`: it is applied and reads as unavailable.
   */
  before(operation: keyof Store): Promise<'proceed' | 'fail' | 'lose-reply'>;
}

/** What the parts of one memory store share. */
export interface MemorySession {
  readonly database: MemoryDatabase;
  readonly clock: Clock;
  readonly feed: ChangeFeed;
  /** Runs one operation, which itself never waits, so that operations never interleave. */
  perform<T>(operation: keyof Store, apply: () => T): Promise<T>;
  notify(change: StoreChange): void;
  close(): void;
}

export function createMemorySession(
  database: MemoryDatabase,
  clock: Clock,
  faults: StoreFaults | undefined,
): MemorySession {
  const writer = {};
  const subscriptions = new Set<() => void>();
  let closed = false;

  return {
    database,
    clock,
    perform: async (operation, apply) => {
      const fate = faults ? await faults.before(operation) : 'proceed';
      if (closed) throw new StoreUnavailableError('the store is closed');
      if (fate === 'fail') throw new StoreUnavailableError(`injected: ${operation} not applied`);
      const answer = apply();
      if (fate === 'lose-reply')
        throw new StoreUnavailableError(`injected: reply of ${operation} lost`);
      return answer;
    },
    notify: (change) => {
      for (const listener of [...database.listeners]) listener(writer, change);
    },
    feed: {
      onChange: (listener) => {
        // As between processes: who did not write it learns only that something was written.
        const own = (from: object, change: StoreChange): void =>
          listener(from === writer ? change : { work: true });
        database.listeners.add(own);
        const unsubscribe = (): void => {
          database.listeners.delete(own);
          subscriptions.delete(unsubscribe);
        };
        subscriptions.add(unsubscribe);
        return unsubscribe;
      },
    },
    close: () => {
      closed = true;
      for (const unsubscribe of [...subscriptions]) unsubscribe();
    },
  };
}
