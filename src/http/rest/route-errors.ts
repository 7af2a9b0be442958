import type { ErrorCode } from '../error-statuses.ts';
import { takes, type Route } from './define-route.ts';

/** Of every route that reads one run. */
export const RUN_ERRORS = ['unknown_run', 'run_unreadable'] as const satisfies ErrorCode[];

/** Of every command to a run. */
export const COMMAND_ERRORS = [
  ...RUN_ERRORS,
  'already_finished',
  'idempotency_key_reused',
] as const satisfies ErrorCode[];

/** Of every report on a task. */
export const TASK_ERRORS = [
  ...RUN_ERRORS,
  'unknown_task',
  'lease_lost',
  'already_finished',
] as const satisfies ErrorCode[];

/** Everything that the route, or what stands in front of all routes, can refuse. */
export function errorsOf(route: Route): readonly ErrorCode[] {
  const codes: ErrorCode[] = [
    ...GATE_ERRORS,
    'not_acceptable',
    'invalid_arguments', // a parameter that is not known, at the least
    'internal_error',
    ...(route.useCase ? (['missing_scope'] as const) : []),
    ...(takes(route.body) ? BODY_ERRORS : []),
    ...route.errors,
  ];
  return [...new Set(codes)];
}

/** Of what stands in front, whatever is asked for; keys are looked up in the store. */
const GATE_ERRORS = [
  'host_refused',
  'origin_refused',
  'unauthenticated',
  'key_refused',
  'rate_limited',
  'too_many_requests',
  'server_busy',
  'shutting_down',
  'store_unavailable',
] as const;

const BODY_ERRORS = [
  'malformed_json',
  'malformed_request',
  'nested_too_deeply',
  'body_too_large',
  'unsupported_media_type',
] as const;
