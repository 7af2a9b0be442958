import type { RunKey } from './run-store.ts';

/**
 * Something in the store changed. With a `key` it was that run, committed by this process; without, another
 * process wrote something (or this one published messages) and the listener must look for itself. A hint, never the truth: it may come twice
 * or for nothing, and every listener also looks again on its own after a bounded time.
 */
export interface StoreChange {
  readonly key?: RunKey;
  /** Work may have become claimable. */
  readonly work: boolean;
  /**
   * The server was restarted or replaced by another one: what was acknowledged last may be gone, and other events may
   * stand in its place. Nothing that was read before may be continued. Told before any call reaches the new server.
   */
  readonly replaced?: true;
}

export interface ChangeFeed {
  /** Listeners are called outside any transaction. Returns the unsubscribe function. */
  onChange(listener: (change: StoreChange) => void): () => void;
}
