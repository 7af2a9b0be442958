import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Context, MiddlewareHandler } from 'hono';
import { MAX_STORED_DEPTH } from '../../domain/readable-value.ts';
import type { UseCaseError } from '../../application/use-case.ts';
import { isDeeperThan } from '../json-depth.ts';
import { problemResponse } from '../problem.ts';
import type { ServeEnv } from '../serve-env.ts';
import { SharedBudget, type Exhausted, type Sharer } from '../shared-budget.ts';
import { sharerOf } from './let-in.ts';
import { unreadableForm } from './body-form.ts';

const BODILESS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
/** Bodies held at once, in units of the largest: what comes beyond waits for nobody and is refused. */
const MAX_BODIES_HELD = 16;

export interface ReadBodyOptions {
  readonly maxBodyBytes: number;
  /** Keeps the value whole while it answers: its bytes count until the response has been sent. */
  readonly isKept: (c: Context<ServeEnv>) => boolean;
}

/**
 * Reads the body, counting while it comes: no more than the limit is ever held of one request, and of all together no
 * more than sixteen times that, of which each tenant and caller may have a fair share. What follows finds it whole in
 * `c.req`, in UTF-8 (so that nothing is stored other than it was sent), and not nested deeper than what Baton could
 * read back. It counts until it has been taken from there: a long answer holds up nobody's next body.
 */
export function readBody({ maxBodyBytes, isKept }: ReadBodyOptions): MiddlewareHandler<ServeEnv> {
  const budget = new SharedBudget(maxBodyBytes * MAX_BODIES_HELD);
  return async (c, next) => {
    if (BODILESS.has(c.req.method)) return next();
    const { incoming, outgoing } = c.env;
    if (Number(incoming.headers['content-length'] ?? 0) > maxBodyBytes)
      return problemResponse(c, tooLarge(maxBodyBytes));
    const unreadable = unreadableForm(incoming.headers);
    if (unreadable) return problemResponse(c, unreadable, 415, { 'Accept-Encoding': 'identity' });
    const held = new HeldBytes(budget, sharerOf(c));
    let isOver = true;
    try {
      const body = await collect(incoming, maxBodyBytes, held);
      if (typeof body === 'string') return refused(c, body, maxBodyBytes);
      if (!isUtf8(body)) return problemResponse(c, NOT_UTF8);
      if (isDeeperThan(MAX_STORED_DEPTH, body)) return problemResponse(c, TOO_DEEP);
      const { url, method, headers, signal } = c.req.raw;
      isOver = !isKept(c) || outgoing.closed;
      if (!isOver) outgoing.once('close', () => held.release());
      const content = isOver ? handedOver(body, held) : body;
      c.req.raw = new Request(url, { method, headers, body: content, signal, duplex: 'half' });
      await next();
      return undefined;
    } finally {
      if (isOver) held.release();
    }
  };
}

/** What one request takes of the budget, given back once. */
class HeldBytes {
  readonly #budget: SharedBudget;
  readonly #sharer: Sharer;
  bytes = 0;

  constructor(budget: SharedBudget, sharer: Sharer) {
    this.#budget = budget;
    this.#sharer = sharer;
  }

  take(bytes: number): Exhausted | undefined {
    const exhausted = this.#budget.take(this.#sharer, bytes);
    if (exhausted === undefined) this.bytes += bytes;
    return exhausted;
  }

  release(): void {
    this.#budget.give(this.#sharer, this.bytes);
    this.bytes = 0;
  }
}

/** The whole body in one piece; its bytes are given back when it is taken. */
function handedOver(body: Uint8Array, held: HeldBytes): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      pull: (controller) => {
        if (body.length > 0) controller.enqueue(body);
        controller.close();
        held.release();
      },
    },
    { highWaterMark: 0 },
  );
}

type Refusal = 'large' | 'broken' | Exhausted;

/** Does not destroy what it stops reading: the client, still sending, would never see the answer. */
async function collect(
  incoming: IncomingMessage,
  maxBytes: number,
  held: HeldBytes,
): Promise<Uint8Array<ArrayBuffer> | Refusal> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
      const bytes = chunk as Buffer; // no encoding is set
      if (held.bytes + bytes.length > maxBytes) return 'large';
      const exhausted = held.take(bytes.length);
      if (exhausted !== undefined) return exhausted;
      chunks.push(bytes);
    }
  } catch {
    return 'broken';
  }
  return Buffer.concat(chunks);
}

function refused(c: Context<ServeEnv>, refusal: Refusal, maxBodyBytes: number): Response {
  if (refusal === 'large') return problemResponse(c, tooLarge(maxBodyBytes));
  if (refusal === 'broken') return problemResponse(c, BROKEN);
  if (refusal === 'all') return problemResponse(c, BUSY, 503, { 'Retry-After': '1' });
  return problemResponse(c, TOO_MANY_OF[refusal], 429, { 'Retry-After': '1' });
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

const TOO_MANY_OF = {
  caller: tooManyOf('This caller'),
  tenant: tooManyOf("This caller's tenant"),
};

function tooManyOf(whose: string): UseCaseError {
  return {
    code: 'too_many_requests',
    message: `${whose} has as many bytes of request bodies under way as it may.`,
    changed: 'nothing',
    next: 'Try again when one of them has been read or answered.',
  };
}

const BROKEN: UseCaseError = {
  code: 'malformed_request',
  message: 'The body ended before it was whole.',
  changed: 'nothing',
  next: 'Send the request again.',
};

const NOT_UTF8: UseCaseError = {
  code: 'malformed_request',
  message: 'The body is not UTF-8.',
  changed: 'nothing',
  next: 'Send it in UTF-8 (RFC 8259); what is binary goes into it as base64.',
};

const TOO_DEEP: UseCaseError = {
  code: 'nested_too_deeply',
  message: `The body is nested deeper than ${MAX_STORED_DEPTH} levels.`,
  changed: 'nothing',
  next: 'Send what is nested deeply as text.',
};
