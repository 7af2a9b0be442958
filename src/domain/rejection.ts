import type { Violation } from './definition/definition-error.ts';

export type RejectionCode =
  | 'already_exists'
  | 'already_finished'
  | 'cancelling'
  | 'history_limit'
  | 'invalid_input'
  | 'not_started'
  | 'outcome_unknown'
  | 'run_too_large'
  | 'signal_buffer_full'
  | 'stale_attempt'
  | 'step_not_waiting_for_decision'
  | 'unknown_step';

/** An expected refusal: nothing was changed. `next` says what to do instead. */
export interface Rejection {
  readonly code: RejectionCode;
  readonly message: string;
  readonly next: string;
  readonly violations?: readonly Violation[];
}
