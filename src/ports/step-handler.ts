import type { Json } from '../domain/json.ts';

/** One attempt of one step, as a handler sees it. */
export interface StepContext {
  readonly tenant: string;
  readonly runId: string;
  readonly workflow: string;
  readonly step: string;
  readonly attempt: number;
  /** The same over all attempts of the step: `hash(tenant, run, step path, direction)`. */
  readonly idempotencyKey: string;
  /** Evaluated `with`. */
  readonly input: Json;
  /** Absolute directory that relative paths start from, fixed when the run started. */
  readonly workspace: string;
  /** Payload of the last heartbeat of an earlier attempt or delivery, to resume from. */
  readonly lastHeartbeat?: Json;
  /** Aborts on timeout, cancellation, lost lease or shutdown; the handler must stop its effects, then return. */
  readonly signal: AbortSignal;
  /** Remembers how far the step got. Cheap to call often: the worker sends the newest on its own schedule. */
  heartbeat(payload: Json): void;
}

export type StepOutcome =
  | { readonly kind: 'completed'; readonly output: Json }
  | { readonly kind: 'failed'; readonly error: StepHandlerError };

export interface StepHandlerError {
  /** Lower case with underscores, e.g. `exit_2`; matched by `retry.nonRetryable`. */
  readonly code: string;
  readonly message: string;
  readonly details?: Json;
  /** Never retried, whatever the policy says (a definition or configuration mistake). */
  readonly permanent?: boolean;
  /**
   * What is known of the effect, where it is not simply "it failed": `unknown` (it was cut off and may have happened) or
   * `done` (it happened, only its result is of no use). An `unsafe` step is never repeated after either.
   */
  readonly effectState?: 'unknown' | 'done';
  /** The target asked to wait this long before the next attempt. */
  readonly retryAfterMs?: number;
  /** What the step talks to did not do its part (gone, overloaded, broken); counts for its breaker. */
  readonly targetFailure?: boolean;
}

/** Runs the attempts of one step kind. A thrown error is recorded as `handler_error`. */
export interface StepHandler {
  readonly kind: string;
  /** Queues this handler may serve under the present configuration; workers claim only these. */
  readonly queues: readonly string[];
  /**
   * Names what a step with this input talks to, e.g. `host:api.example.com`: while that is known to be down, attempts are
   * put off and not run. `undefined`: nothing that could be down.
   */
  target?(input: Json): string | undefined;
  run(context: StepContext): Promise<StepOutcome>;
}
