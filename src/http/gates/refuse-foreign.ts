import type { MiddlewareHandler } from 'hono';
import { hostnameOf, type AllowLists } from '../allow-lists.ts';
import { problemResponse } from '../problem.ts';
import type { ServeEnv } from '../serve-env.ts';

const MAX_SHOWN_CHARS = 200;
const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
/** What clients of the endpoints send beside what every page may. */
const REQUEST_HEADERS = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-Match',
  'If-None-Match',
  'Last-Event-ID',
  'Mcp-Method',
  'Mcp-Name',
  'Mcp-Protocol-Version',
  'Mcp-Session-Id',
  'Traceparent',
].join(', ');
const RESPONSE_HEADERS =
  'ETag, Link, Location, Mcp-Session-Id, Retry-After, WWW-Authenticate, X-Request-Id';
const PREFLIGHT_SECONDS = 600;

/**
 * Refuses what a foreign page or name brought here, before anything else is looked at; nothing is read of it. Pages of
 * the allowed origins are told that they may read the answers (CORS), others never; there is no wildcard.
 */
export function refuseForeign(lists: AllowLists): MiddlewareHandler<ServeEnv> {
  return async (c, next) => {
    const host = c.req.header('host');
    if (!lists.isHost(host)) return problemResponse(c, hostRefused(host));
    // A target in absolute form (RFC 9112, section 3.2.2) names a host of its own.
    const { host: target } = new URL(c.req.url);
    if (!lists.isHost(target))
      return problemResponse(c, hostRefused(target, 'the address asked for'));
    const origin = c.req.header('origin');
    if (origin === undefined || origin === '') return next();
    if (!lists.isOrigin(origin, host)) return problemResponse(c, originRefused(origin));
    if (c.req.method === 'OPTIONS' && c.req.header('access-control-request-method') !== undefined)
      return new Response(null, { status: 204, headers: preflightHeaders(origin) });
    await next();
    for (const [name, value] of Object.entries(originHeaders(origin)))
      c.res.headers.set(name, value);
    c.res.headers.append('Vary', 'Origin');
    return undefined;
  };
}

function originHeaders(origin: string): Record<string, string> {
  return {
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Expose-Headers': RESPONSE_HEADERS,
  };
}

function preflightHeaders(origin: string): Record<string, string> {
  return {
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Allow-Methods': METHODS,
    'Access-Control-Allow-Headers': REQUEST_HEADERS,
    'Access-Control-Max-Age': String(PREFLIGHT_SECONDS),
    Vary: 'Origin',
  };
}

function hostRefused(host: string | undefined, where = 'the header Host') {
  const name = hostnameOf(host);
  const added = name === undefined ? 'one' : `"${shown(name)}"`;
  return {
    code: 'host_refused',
    message: `This server does not go by the name "${shown(name ?? host)}" (${where}).`,
    changed: 'nothing',
    next: `Use one of its own names; the server's owner can add ${added} to the setting http.allowedHosts.`,
  } as const;
}

function originRefused(origin: string) {
  return {
    code: 'origin_refused',
    message: `Pages of the origin "${shown(origin)}" may not call this server.`,
    changed: 'nothing',
    next: "The server's owner can add an origin to the setting http.allowedOrigins.",
  } as const;
}

function shown(text = ''): string {
  return text.slice(0, MAX_SHOWN_CHARS);
}
