import type { Caller } from '../application/access/access.ts';

/** What stands in the context of every request that was let in. */
export interface HttpEnv {
  readonly Variables: {
    /** Who calls: the holder of a key, or on loopback without one the local user. */
    readonly caller: Caller;
    /** For the log, and for what the request causes. */
    readonly requestId: string;
  };
}
