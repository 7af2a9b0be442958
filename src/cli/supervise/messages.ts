/** What a worker tells its supervisor, over the channel that Node opens between the two. */
export type WorkerMessage =
  /** It serves; from now on it must be heard within this time. */
  | { readonly type: 'ready'; readonly workerId: string; readonly silenceLimitMs: number }
  /** Its event loop turns, and no loop of its engine is stuck. */
  | { readonly type: 'beat' }
  /** It has ended in good order, with this exit code; the process goes in a moment. */
  | { readonly type: 'done'; readonly exitCode: number };

/** What a supervisor asks of a worker: to stop claiming, let running steps end, and go. */
export const DRAIN = 'drain';
