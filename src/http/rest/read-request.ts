import type { Context } from 'hono';
import type { UseCaseError, UseCaseResult } from '../../application/use-case.ts';
import type { HttpEnv } from '../http-env.ts';
import { takes, type Route } from './define-route.ts';
import { isJson, typeOf } from './media-type.ts';
import type { RawInput } from './read-input.ts';

/** What broke while a body was read: the sender or a limit in front, never Baton. */
const bodyFailures = new WeakSet<object>();

export function isBodyFailure(error: unknown): boolean {
  return typeof error === 'object' && error !== null && bodyFailures.has(error);
}

/**
 * That the body is UTF-8 and not coded, a gate has seen to. Throws what reading it throws, so that a limit in front can tell
 * its own.
 */
export async function readRequest(
  c: Context<HttpEnv>,
  route: Route,
): Promise<UseCaseResult<RawInput>> {
  const body = takes(route.body) ? await readBody(c, route) : { ok: true as const, value: {} };
  if (!body.ok) return body;
  return { ok: true, value: { params: c.req.param(), query: c.req.queries(), body: body.value } };
}

async function readBody(c: Context<HttpEnv>, { textBody }: Route): Promise<UseCaseResult<unknown>> {
  const text = await bodyText(c);
  // What need not say anything may be left out whole.
  if (text === '') return { ok: true, value: {} };
  const type = c.req.header('content-type');
  if (textBody !== undefined && typeOf(type) === textBody[0])
    return { ok: true, value: { [textBody[1]]: text } };
  if (!isJson(type)) return { ok: false, error: unsupported(textBody) };
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message : 'is no JSON';
    return { ok: false, error: malformed(why, textBody) };
  }
}

async function bodyText(c: Context<HttpEnv>): Promise<string> {
  try {
    return await c.req.text();
  } catch (error) {
    if (typeof error === 'object' && error !== null) bodyFailures.add(error);
    throw error;
  }
}

function malformed(why: string, textBody: Route['textBody']): UseCaseError {
  return {
    code: 'malformed_json',
    message: `The body is no JSON: ${why.slice(0, 200)}`,
    changed: 'nothing',
    next: `Send one JSON object (RFC 8259) in UTF-8${orAsText(textBody)}.`,
  };
}

function unsupported(textBody: Route['textBody']): UseCaseError {
  return {
    code: 'unsupported_media_type',
    message: 'The body is not declared as JSON.',
    changed: 'nothing',
    next: `Send it with Content-Type: application/json${orAsText(textBody)}.`,
  };
}

function orAsText(textBody: Route['textBody']): string {
  if (textBody === undefined) return '';
  const [type, field] = textBody;
  return ` (text goes into its field: {"${field}": "…"}), or the text of "${field}" alone with Content-Type: ${type}`;
}
