import type { IncomingMessage } from 'node:http';
import type { MiddlewareHandler } from 'hono';
import { MAX_STORED_DEPTH } from '../../domain/readable-value.ts';
import type { UseCaseError } from '../../application/use-case.ts';
import { isDeeperThan } from '../json-depth.ts';
import { problemResponse } from '../problem.ts';
import type { ServeEnv } from '../serve-env.ts';

const BODILESS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
/** Bodies held at once, in units of the largest: what comes beyond waits for nobody and is refused. */
const MAX_BODIES_HELD = 16;

/**
 * Reads the body, counting while it comes: no more than the limit is ever held of one request, and of all together no
 * more than sixteen times that. What follows finds it whole in `c.req`, and not nested deeper than what Baton could
 * read back.
 */
export function readBody(maxBodyBytes: number): MiddlewareHandler<ServeEnv> {
  const budget = { leftBytes: maxBodyBytes * MAX_BODIES_HELD };
  return async (c, next) => {
    if (BODILESS.has(c.req.method)) return next();
    const { incoming } = c.env;
    if (Number(incoming.headers['content-length'] ?? 0) > maxBodyBytes)
      return problemResponse(c, tooLarge(maxBodyBytes));
    const held = { bytes: 0 };
    try {
      const body = await collect(incoming, { maxBytes: maxBodyBytes, held, budget });
      if (body === 'large') return problemResponse(c, tooLarge(maxBodyBytes));
      if (body === 'busy') return problemResponse(c, BUSY, 503, { 'Retry-After': '1' });
      if (body === 'broken') return problemResponse(c, BROKEN);
      if (isDeeperThan(MAX_STORED_DEPTH, body)) return problemResponse(c, TOO_DEEP);
      const { url, method, headers, signal } = c.req.raw;
      c.req.raw = new Request(url, { method, headers, body, signal });
      await next();
      return undefined;
    } finally {
      budget.leftBytes += held.bytes;
    }
  };
}

interface Collecting {
  readonly maxBytes: number;
  /** Of this body, so far. */
  readonly held: { bytes: number };
  /** Of all bodies together. */
  readonly budget: { leftBytes: number };
}

/** Does not destroy what it stops reading: the client, still sending, would never see the answer. */
async function collect(
  incoming: IncomingMessage,
  { maxBytes, held, budget }: Collecting,
): Promise<Uint8Array<ArrayBuffer> | 'large' | 'busy' | 'broken'> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
      const bytes = chunk as Buffer; // no encoding is set
      if (held.bytes + bytes.length > maxBytes) return 'large';
      if (bytes.length > budget.leftBytes) return 'busy';
      held.bytes += bytes.length;
      budget.leftBytes -= bytes.length;
      chunks.push(bytes);
    }
  } catch {
    return 'broken';
  }
  return Buffer.concat(chunks);
}

function tooLarge(maxBodyBytes: number): UseCaseError {
  return {
    code: 'body_too_large',
    message: `The body is larger than ${maxBodyBytes} bytes.`,
    changed: 'nothing',
    next: 'Keep what is large in a file and send its path; the setting http.maxBodyBytes is the limit.',
  };
}

const BUSY: UseCaseError = {
  code: 'server_busy',
  message: 'The server holds as many bodies of requests as it may.',
  changed: 'nothing',
  next: 'Try again in a second.',
};

const BROKEN: UseCaseError = {
  code: 'malformed_request',
  message: 'The body ended before it was whole.',
  changed: 'nothing',
  next: 'Send the request again.',
};

const TOO_DEEP: UseCaseError = {
  code: 'nested_too_deeply',
  message: `The body is nested deeper than ${MAX_STORED_DEPTH} levels.`,
  changed: 'nothing',
  next: 'Send what is nested deeply as text.',
};
