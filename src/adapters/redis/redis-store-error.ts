export type RedisStoreErrorCode =
  | 'url'
  | 'unreachable'
  | 'credentials'
  | 'permission'
  | 'server'
  | 'eviction'
  | 'newer'
  | 'in_use'
  | 'foreign';

/** The Redis server cannot be used as it is. Nothing in it was changed. The message names the setting to change. */
export class RedisStoreError extends Error {
  readonly code: RedisStoreErrorCode;

  constructor(code: RedisStoreErrorCode, message: string) {
    super(message);
    this.name = 'RedisStoreError';
    this.code = code;
  }

  /** The same, saying who gave the URL, for example `option --store`. */
  comingFrom(origin: string): RedisStoreError {
    return new RedisStoreError(
      this.code,
      `${this.message}; the setting store comes from ${origin}`,
    );
  }
}
