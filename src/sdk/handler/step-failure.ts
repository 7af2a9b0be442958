import type { Json } from '../../domain/json.ts';
import type { StepHandlerError } from '../../ports/step-handler.ts';

/** Registered for the whole process, so that a failure is known across copies of this package. */
const BRAND = Symbol.for('baton-mcp/step-failure');
const CODE = /^[a-z][a-z0-9_]{0,99}$/;

export interface StepFailureOptions {
  readonly details?: Json;
  /** Never retried, whatever the step's policy says. Default: false. */
  readonly permanent?: boolean;
  /** The target asked to wait this long before the next attempt. */
  readonly retryAfterMs?: number;
  /**
   * What the step talks to did not do its part: gone, overloaded, broken (HTTP 429 and 5xx; not 404). So many of these in a
   * row, over all steps with that `target`, and the next attempts are put off until it works again. Default: false.
   */
  readonly targetFailure?: boolean;
  /**
   * What is known of the effect where it is not simply "it failed": `unknown` or `done`. An `unsafe` step is never
   * repeated after either.
   */
  readonly effectState?: 'unknown' | 'done';
}

/**
 * Thrown by a handler, it fails the attempt with this code, message and so on; the step's policy decides whether it is
 * tried again. Any other error fails it as `handler_error`, its effect unknown. Throws TypeError for a code that is not
 * lower case letters, digits and underscores.
 */
export class StepFailure extends Error {
  readonly code: string;
  readonly options: StepFailureOptions;
  readonly [BRAND] = true;

  constructor(code: string, message: string, options: StepFailureOptions = {}) {
    super(message);
    if (!CODE.test(code))
      throw new TypeError(
        `StepFailure: the code "${code}" must be lower case letters, digits and underscores`,
      );
    this.name = 'StepFailure';
    this.code = code;
    this.options = options;
  }
}

/** `undefined` for any other error. */
export function failureOf(error: unknown): StepHandlerError | undefined {
  if (!isStepFailure(error)) return undefined;
  const { details, permanent, retryAfterMs, effectState, targetFailure } = error.options;
  return {
    code: error.code,
    message: error.message,
    ...(details !== undefined && { details }),
    ...(permanent === true && { permanent }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(effectState !== undefined && { effectState }),
    ...(targetFailure === true && { targetFailure }),
  };
}

function isStepFailure(error: unknown): error is StepFailure {
  return error instanceof Error && BRAND in error;
}
