import type { Context } from 'hono';
import type { UseCaseResult } from '../../application/use-case.ts';
import { logDefect } from '../../application/log-defect.ts';
import type { Logger } from '../../ports/logger.ts';
import type { HttpEnv } from '../http-env.ts';
import type { Route, RouteContext } from './define-route.ts';

/** Version, trace id, parent id and flags of W3C Trace Context. */
const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/;
const MAX_KEY_CHARS = 200;

export interface RouteServices {
  readonly logger: Logger;
  /** Aborts when the server shuts down: waits and streams end. Default: never. */
  readonly shutdown?: AbortSignal;
}

/** Who calls, on whose behalf, and what else of the request matters. */
export function routeContext(
  c: Context<HttpEnv>,
  route: Route,
  accepted: string,
  { logger, shutdown, signal }: RouteServices & { readonly signal: AbortSignal },
): UseCaseResult<RouteContext> {
  const caller = c.get('caller');
  const traceparent = c.req.header('traceparent');
  const key = route.takesIdempotencyKey ? readKey(c.req.header('idempotency-key')) : undefined;
  if (key === false) return { ok: false, error: badKey() };
  return {
    ok: true,
    value: {
      caller,
      tenant: caller.tenant,
      scopes: caller.scopes,
      actor: caller.key === undefined ? 'client:http' : `key:${printable(caller.key.name)}`,
      causationId: `http:${c.get('requestId')}`,
      signal,
      endings: endingsOf(c, shutdown),
      ...(traceparent !== undefined && TRACEPARENT.test(traceparent) && { traceparent }),
      ...(key !== undefined && { idempotencyKey: key }),
      isShutDown: () => shutdown?.aborted === true,
      reportDefect: (error) =>
        logDefect(logger, { reference: c.get('requestId'), request: route.name }, error),
      header: (name) => c.req.header(name),
      accepted,
    },
  };
}

/** What ends a request before its answer. */
export function endingsOf(c: Context<HttpEnv>, shutdown?: AbortSignal): readonly AbortSignal[] {
  return shutdown ? [c.req.raw.signal, shutdown] : [c.req.raw.signal];
}

/** Also as a structured field's string (draft-ietf-httpapi-idempotency-key-header): the quotes are not part of it. */
function readKey(header: string | undefined): string | undefined | false {
  if (header === undefined) return undefined;
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header;
  return key.length > 0 && key.length <= MAX_KEY_CHARS && key;
}

function badKey() {
  const message = `must have 1 to ${MAX_KEY_CHARS} characters`;
  return {
    code: 'invalid_arguments',
    message: `header.Idempotency-Key: ${message}`,
    changed: 'nothing',
    next: 'Choose another key and send it again.',
    violations: [{ path: 'header.Idempotency-Key', message }],
  } as const;
}

function printable(name: string): string {
  return name.replaceAll(/[^\w.@/ -]/g, '').slice(0, 64) || 'unknown';
}
