import {
  createMcpHandler,
  isJsonContentType,
  isLegacyRequest,
  readRequestBody,
} from '@modelcontextprotocol/server';
import type { Caller } from '../../application/access/access.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { McpConnection } from '../server.ts';
import { boundedStream } from './bounded-stream.ts';
import type { LegacySession } from './legacy-session.ts';
import { LegacySessions } from './legacy-sessions.ts';
import { Listening } from './listening.ts';
import { DEFAULT_MCP_LIMITS, type McpLimits } from './mcp-limits.ts';
import { PARSE_ERROR, rpcError, SERVER_ERROR } from './rpc-error.ts';

export type ServedConnection = Pick<McpConnection, 'build'> & Partial<McpConnection>;

export interface ServeConnectionsOptions {
  /** Called for each session, and for each request of 2026-07-28. */
  readonly connect: (caller: Caller) => ServedConnection;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: DEFAULT_MCP_LIMITS. */
  readonly limits?: Partial<McpLimits>;
  /** The server is about to stop: calls that wait may answer early. */
  readonly onClosing?: () => void;
}

export interface McpEndpoint {
  /**
   * Answers one request of a caller that has been let in. Host, Origin, key and rate have been checked before. When the
   * request's signal aborts, its stream ends; a call of 2026-07-28 is cancelled by that, never a run.
   */
  fetch(request: Request, caller: Caller): Promise<Response>;
  /** Ends the sessions and subscriptions of a key that is no longer good. Answers when they have ended. */
  endKey(keyId: string): Promise<void>;
  /** What is held for clients now, for metrics. */
  counts(): McpCounts;
  /**
   * Refuses new requests (503), lets calls that wait answer what they know, and ends all sessions and streams, after
   * `graceMs` (default 2,000) even if requests are still being worked on. What was committed stays.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

export interface McpCounts {
  readonly sessions: number;
  readonly listening: number;
  /** Responses that are being sent as they come, those of `listening` among them. */
  readonly streams: number;
  /** Requests being worked on, of both eras. */
  readonly working: number;
  readonly eventBytes: number;
}

const GRACE_MS = 2_000;
const METHODS = new Set(['POST', 'GET', 'DELETE']);

/**
 * MCP over Streamable HTTP, of both eras at one address: 2026-07-28 statelessly with a server object per request, older
 * revisions by sessions. Nothing in it outlives the process, and no run depends on it.
 */
export function serveConnections(options: ServeConnectionsOptions): McpEndpoint {
  const endpoint = new Endpoint(options);
  return {
    fetch: (request, caller) => endpoint.fetch(request, caller),
    endKey: (keyId) => endpoint.endKey(keyId),
    counts: () => endpoint.counts(),
    close: (closing) => endpoint.close(closing?.graceMs ?? GRACE_MS),
  };
}

class Endpoint {
  readonly #options: ServeConnectionsOptions;
  readonly #limits: McpLimits;
  readonly #sessions: LegacySessions;
  readonly #listening: Listening;
  readonly #modern: ReturnType<typeof createMcpHandler>;
  /** Whose request it is, for the SDK's factory, which is handed the same object. */
  readonly #callers = new WeakMap<Request, Caller>();
  #working = 0;
  #streams = 0;
  #isClosing = false;

  constructor(options: ServeConnectionsOptions) {
    const { connect, clock, logger } = options;
    const limits = { ...DEFAULT_MCP_LIMITS, ...options.limits };
    const onError = (error: Error): void => logger.debug({ error: error.message }, 'MCP over HTTP');
    this.#options = options;
    this.#limits = limits;
    this.#sessions = new LegacySessions({ connect, clock, limits, onError });
    this.#listening = new Listening({ connect, limits, onError });
    this.#modern = createMcpHandler(
      (context) => {
        const caller = context.requestInfo && this.#callers.get(context.requestInfo);
        if (caller === undefined) throw new Error('a request without its caller');
        return connect(caller).build(context);
      },
      { legacy: 'reject', onerror: onError, maxRequestBodySize: limits.bodyBytes },
    );
  }

  async fetch(request: Request, caller: Caller): Promise<Response> {
    if (this.#isClosing) return rpcError(503, CLOSING, { headers: { 'Retry-After': '5' } });
    if (!METHODS.has(request.method))
      return rpcError(405, NOT_ALLOWED, { headers: { Allow: 'GET, POST, DELETE' } });
    const read = request.method === 'POST' ? await this.#readBody(request) : { body: undefined };
    if ('refused' in read) return read.refused;
    const { body } = read;
    if (await isLegacyRequest(request, body)) {
      const { response, session } = await this.#sessions.handle(request, body, caller);
      return this.#streamed(request, response, session);
    }
    const isListen = hasMethod(body, 'subscriptions/listen');
    this.#working += isListen ? 0 : 1;
    const done = (): void => void (this.#working -= isListen ? 0 : 1);
    try {
      if (!isListen) this.#callers.set(request, caller);
      const response = isListen
        ? await this.#listening.handle(request, body, caller)
        : await this.#modern.fetch(request, { parsedBody: body });
      return this.#streamed(request, response, undefined, done);
    } catch (error) {
      done();
      throw error;
    }
  }

  async endKey(keyId: string): Promise<void> {
    await Promise.all([this.#sessions.endKey(keyId), this.#listening.endKey(keyId)]);
  }

  counts(): McpCounts {
    return {
      sessions: this.#sessions.size,
      listening: this.#listening.size,
      streams: this.#streams,
      working: this.#working + this.#sessions.working,
      eventBytes: this.#sessions.eventBytes,
    };
  }

  async close(graceMs: number): Promise<void> {
    const { clock, onClosing } = this.#options;
    this.#isClosing = true;
    onClosing?.();
    this.#sessions.closeStandingStreams();
    await this.#listening.close();
    const untilMs = clock.now() + graceMs;
    while (this.counts().working > 0 && clock.now() < untilMs) await clock.sleep(POLL_MS);
    await Promise.all([this.#sessions.close(), this.#modern.close()]);
  }

  async #readBody(request: Request): Promise<{ body: unknown } | { refused: Response }> {
    if (!isJsonContentType(request.headers.get('content-type')))
      return { refused: rpcError(415, NOT_JSON) };
    try {
      const read = await readRequestBody(request, this.#limits.bodyBytes);
      return read.tooLarge
        ? { refused: rpcError(413, TOO_LARGE) }
        : { body: JSON.parse(read.text) as unknown };
    } catch {
      return { refused: rpcError(400, UNREADABLE) };
    }
  }

  /** A stream is bounded and ends with the request; the session counts as used until then. */
  #streamed(
    request: Request,
    response: Response,
    session: LegacySession | undefined,
    done?: () => void,
  ): Response {
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
    if (response.body === null || isStream !== true) {
      done?.();
      return response;
    }
    this.#streams += 1;
    session?.streamBegins();
    const body = boundedStream(response.body, {
      backlogBytes: this.#limits.backlogBytes,
      signal: request.signal,
      onEnd: () => {
        this.#streams -= 1;
        done?.();
        session?.streamEnds(this.#options.clock.now());
      },
    });
    return new Response(body, { status: response.status, headers: response.headers });
  }
}

const POLL_MS = 20;

function hasMethod(body: unknown, method: string): boolean {
  return typeof body === 'object' && body !== null && 'method' in body && body.method === method;
}

const CLOSING = {
  code: SERVER_ERROR,
  message: 'This server is stopping. Nothing was begun; send it again when it is back.',
};
const NOT_ALLOWED = { code: SERVER_ERROR, message: 'Method not allowed: POST, GET or DELETE.' };
const NOT_JSON = {
  code: SERVER_ERROR,
  message: 'Unsupported Media Type: Content-Type must be application/json',
};
const TOO_LARGE = {
  code: SERVER_ERROR,
  message: 'The body is larger than this server reads. Nothing was done.',
};
const UNREADABLE = {
  code: PARSE_ERROR,
  message: 'Parse error: the body is not valid JSON, or could not be read.',
};
