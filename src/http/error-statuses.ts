import type { RejectionCode } from '../domain/rejection.ts';

/** What each error of a use case, or of HTTP itself, is called in HTTP. One code has one status, wherever it comes. */
export const ERROR_STATUSES = {
  // Of the request as HTTP has it.
  malformed_json: 400,
  malformed_request: 400,
  unauthenticated: 401,
  key_refused: 401,
  missing_scope: 403,
  host_refused: 403,
  origin_refused: 403,
  not_found: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  body_too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  too_many_requests: 429,
  too_many_streams: 429,

  // Of what was asked for.
  invalid_arguments: 422,
  invalid_cursor: 422,
  invalid_definition: 422,
  invalid_input: 422,
  invalid_output: 422,
  invalid_payload: 422,
  invalid_topic: 422,
  contract_violation: 422,
  idempotency_key_reused: 422,
  nested_too_deeply: 422,
  unknown_choice: 422,
  output_too_large: 413,
  payload_too_large: 413,

  // Of what it is about.
  unknown_approval: 404,
  unknown_checkpoint: 404,
  unknown_key: 404,
  unknown_run: 404,
  unknown_step: 404,
  unknown_step_kind: 404,
  unknown_task: 404,
  unknown_workflow: 404,
  no_approval: 404,
  no_diff: 404,

  // Of who asks.
  not_an_approver: 403,
  operator_key_refused: 403,
  other_tenant: 403,
  person_required: 403,
  repository_not_available: 403,

  // Of how it stands.
  already_exists: 409,
  already_finished: 409,
  already_reported: 409,
  approval_expired: 409,
  approval_resolved: 409,
  cancelling: 409,
  consumer_busy: 409,
  history_limit: 409,
  lease_lost: 409,
  no_worker: 409,
  not_started: 409,
  not_with_a_person: 409,
  outcome_unknown: 409,
  repository_unreadable: 409,
  run_too_large: 409,
  signal_buffer_full: 409,
  stale_attempt: 409,
  step_not_waiting_for_decision: 409,
  too_many_approvals: 409,
  too_many_checkpoints: 409,
  too_many_consumers: 409,
  too_many_handovers: 409,
  too_many_keys: 409,
  which_approval: 409,

  // Of Baton's side.
  internal_error: 500,
  run_unreadable: 500,
  store_unavailable: 503,
  server_busy: 503,
  shutting_down: 503,
} as const satisfies Record<RejectionCode, number> & Record<string, number>;
export type ErrorCode = keyof typeof ERROR_STATUSES;
export type ErrorStatus = (typeof ERROR_STATUSES)[ErrorCode];

/** A code that is not in the table is a refusal of what was asked for: 422. */
export function statusOf(code: string): ErrorStatus {
  return Object.hasOwn(ERROR_STATUSES, code) ? ERROR_STATUSES[code as ErrorCode] : 422; // it is one of them
}

export const STATUS_TITLES: Readonly<Record<ErrorStatus, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};
