import type { Context } from 'hono';
import { z } from 'zod';
import type { UseCaseError } from '../application/use-case.ts';
import type { HttpEnv } from './http-env.ts';
import { STATUS_TITLES, statusOf, type ErrorStatus } from './error-statuses.ts';

export { statusOf } from './error-statuses.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** Violations and characters of text that a problem tells. */
const MAX_VIOLATIONS = 100;
const MAX_TEXT_CHARS = 2_000;

/** Problem details (RFC 9457), with what Baton says of every refusal. */
export const problemSchema = z.object({
  type: z.string().describe('urn:baton:error:<code>'),
  title: z.string(),
  status: z.int(),
  detail: z.string().describe('What happened'),
  instance: z.string().optional().describe('urn:baton:request:<id>, as in the log'),
  code: z.string().describe('Stable: for programs'),
  changed: z.enum(['nothing', 'unknown']).describe('Whether anything was changed'),
  next: z.string().describe('What to do next; what it names are operations of this API'),
  violations: z
    .array(z.object({ path: z.string(), message: z.string(), suggestion: z.string().optional() }))
    .optional(),
});
export type Problem = z.infer<typeof problemSchema>;

/**
 * The one place that turns an error into a response: its body says what happened, whether anything was changed and what
 * to do next. Never a stack, never what a defect threw. Without a context: of what was no request. `status`: other than the
 * code's own.
 */
export function problemResponse(
  c: Pick<Context<HttpEnv>, 'get'> | undefined,
  error: UseCaseError,
  status: ErrorStatus = statusOf(error.code),
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(problemOf(error, status, requestIdOf(c))), {
    status,
    headers: { ...headers, 'content-type': PROBLEM_TYPE, 'cache-control': 'no-store' },
  });
}

/** A defect: what went wrong stays in the log, for it may hold what no caller should read. */
export function defectError(reference: string): UseCaseError {
  return {
    code: 'internal_error',
    message: `Baton made a mistake of its own; its log has the details under "${reference}".`,
    changed: 'unknown',
    next: 'Read what was to be changed; repeat a request that writes only with the same Idempotency-Key. If it happens again, report it with the log entry.',
  };
}

function problemOf(error: UseCaseError, status: ErrorStatus, requestId?: string): Problem {
  const { code, message, changed, next, violations } = error;
  return {
    type: `urn:baton:error:${code}`,
    title: STATUS_TITLES[status],
    status,
    detail: clip(message),
    ...(requestId !== undefined && {
      instance: `urn:baton:request:${encodeURIComponent(requestId)}`,
    }),
    code,
    changed,
    next: clip(next),
    ...(violations && { violations: violations.slice(0, MAX_VIOLATIONS).map(clipped) }),
  };
}

function clipped({ path, message, suggestion }: NonNullable<UseCaseError['violations']>[number]) {
  return {
    path: clip(path),
    message: clip(message),
    ...(suggestion !== undefined && { suggestion: clip(suggestion) }),
  };
}

/** A request may be refused before it was given one, whatever the type says. */
function requestIdOf(c: Pick<Context<HttpEnv>, 'get'> | undefined): string | undefined {
  const id: string | undefined = c?.get('requestId');
  return id;
}

/** Messages quote what was sent. */
function clip(text: string): string {
  const short = text.length <= MAX_TEXT_CHARS ? text : `${text.slice(0, MAX_TEXT_CHARS - 1)}…`;
  return short.toWellFormed();
}
