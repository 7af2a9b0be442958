import type { Violation } from './definition/definition-error.ts';

export type RejectionCode =
  | 'already_exists'
  | 'approval_expired'
  | 'approval_resolved'
  | 'already_finished'
  | 'cancelling'
  | 'history_limit'
  | 'invalid_input'
  | 'nested_too_deeply'
  | 'not_an_approver'
  | 'not_started'
  | 'not_with_a_person'
  | 'outcome_unknown'
  | 'run_too_large'
  | 'signal_buffer_full'
  | 'stale_attempt'
  | 'step_not_waiting_for_decision'
  | 'too_many_approvals'
  | 'too_many_checkpoints'
  | 'too_many_handovers'
  | 'unknown_approval'
  | 'unknown_choice'
  | 'unknown_step';

/** An expected refusal: nothing was changed. `next` says what to do instead. */
export interface Rejection {
  readonly code: RejectionCode;
  readonly message: string;
  readonly next: string;
  readonly violations?: readonly Violation[];
}
