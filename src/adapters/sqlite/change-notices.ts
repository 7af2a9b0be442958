import type { DatabaseSync } from 'node:sqlite';
import type { ChangeFeed, StoreChange } from '../../ports/change-feed.ts';
import type { Logger } from '../../ports/logger.ts';
import { describeFailure } from './sqlite-failure.ts';
import { integer, prepare } from './statement.ts';

/** Reading the version costs two microseconds. */
const POLL_INTERVAL_MS = 25;

export interface ChangeNotices extends ChangeFeed {
  notify(change: StoreChange): void;
  stop(): void;
}

/** Tells listeners of this process's commits at once, and of other processes' writes by polling while any listens. */
export function createChangeNotices(db: DatabaseSync, logger: Logger): ChangeNotices {
  // Changes only when another connection has committed.
  const dataVersion = prepare(db, 'PRAGMA data_version');
  const listeners = new Set<(change: StoreChange) => void>();
  let poller: NodeJS.Timeout | undefined;
  let seen = 0;

  const notify = (change: StoreChange): void => {
    for (const listener of listeners) {
      try {
        listener(change);
      } catch (error) {
        logger.error({ error: describeFailure(error) }, 'a listener of store changes failed');
      }
    }
  };

  /** Whether another connection has committed since the last call. */
  const hasMoved = (): boolean => {
    try {
      const version = integer(dataVersion.row() ?? [], 0);
      const moved = version !== seen;
      seen = version;
      return moved;
    } catch (error) {
      // Listeners also look on their own after a bounded time; the next poll tries again.
      logger.debug({ error: describeFailure(error) }, 'cannot see other writers of the database');
      return false;
    }
  };

  const poll = (): void => {
    if (hasMoved()) notify({ work: true });
  };

  const stop = (): void => {
    clearInterval(poller);
    poller = undefined;
  };

  return {
    notify,
    stop: () => {
      listeners.clear();
      stop();
    },
    onChange: (listener) => {
      // Its own function object, so that one listener may subscribe twice.
      const own = (change: StoreChange): void => listener(change);
      listeners.add(own);
      if (!poller) {
        poller = setInterval(poll, POLL_INTERVAL_MS).unref();
        // After subscribing: what is written from here on is noticed, what came before is there to be read.
        hasMoved();
      }
      return () => {
        listeners.delete(own);
        if (listeners.size === 0) stop();
      };
    },
  };
}
