import type { Json } from '../domain/json.ts';

export interface KeyValueEntry {
  readonly key: string;
  readonly value: Json;
  /** Grows with every write of the key. */
  readonly revision: number;
}

/** Small values shared by processes: presence, locks, cursors. An expired entry is never returned. */
export interface KeyValueStore {
  getValue(namespace: string, key: string): Promise<KeyValueEntry | undefined>;

  /** By key. */
  listValues(namespace: string): Promise<readonly KeyValueEntry[]>;

  /**
   * Compare-and-set when `expectedRevision` is given (0: must not exist or have expired). Answers the new revision,
   * or `undefined` when the expectation failed. Without `ttlMs` the entry never expires.
   */
  setValue(
    namespace: string,
    key: string,
    value: Json,
    options?: { readonly ttlMs?: number; readonly expectedRevision?: number },
  ): Promise<number | undefined>;

  /** With `expectedRevision`: only that revision. Answers whether something was removed. */
  deleteValue(namespace: string, key: string, expectedRevision?: number): Promise<boolean>;
}
