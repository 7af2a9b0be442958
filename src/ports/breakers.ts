/** A breaker that is not closed: its target has failed lately. */
export interface OpenBreaker {
  /** `store`, `host:api.example.com`, `mcp:files`, `model:…`, `agent:builder-1`. */
  readonly target: string;
  /** `half_open`: one call is trying the target at this moment. */
  readonly state: 'open' | 'half_open';
  /** Of calls in a row. */
  readonly failures: number;
  /** Epoch ms of the first opening since it last worked. */
  readonly sinceMs: number;
  /** When the next call may try the target (epoch ms); while one is trying, when the one after it may at the latest. */
  readonly nextProbeAtMs: number;
  /** What the last call failed with, in at most some 200 characters. */
  readonly lastError: string;
}

/**
 * Leave to call a target. The first of the three that is called counts; one of them must be. They resolve when the breaker
 * has changed by it, and never reject.
 */
export interface Passage {
  /** The target answered, whatever it said. */
  succeeded(): Promise<void>;
  /** The target is at fault. `error` is shown to people: no secrets. */
  failed(error: string): Promise<void>;
  /** The call ended without saying anything of the target. */
  abandoned(): Promise<void>;
}

export type Entry =
  /** `isProbe`: the breaker is open, and this call decides whether it closes. */
  | { readonly kind: 'entered'; readonly passage: Passage; readonly isProbe: boolean }
  | { readonly kind: 'refused'; readonly breaker: OpenBreaker };

/**
 * One circuit breaker a target (Nygard, Release It!, 2007): some failures in a row open it, then calls are refused at
 * once but for one from time to time, which closes it when it succeeds. Kept in this process only and never for ever: it
 * saves waiting, and nothing is decided by it but when to try again.
 */
export interface Breakers {
  /** Never waits, never throws. */
  enter(target: string): Entry;
  /** `undefined`: closed. */
  find(target: string): OpenBreaker | undefined;
  /** Those that are not closed, by target. */
  list(): readonly OpenBreaker[];
}
