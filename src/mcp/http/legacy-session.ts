import {
  isJSONRPCErrorResponse,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  WebStandardStreamableHTTPServerTransport,
  type JSONRPCMessage,
  type RequestId,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { EventLog, type EventBudget } from './event-log.ts';
import type { McpLimits } from './mcp-limits.ts';
import { requestIdOf, rpcError, SERVER_ERROR } from './rpc-error.ts';
import type { ServedConnection } from './serve-connections.ts';

export interface LegacySessionOptions {
  readonly connection: ServedConnection;
  /** Whose session it is; nobody else is let in. */
  readonly callerId: string;
  readonly tenant: string;
  readonly keyId: string | undefined;
  readonly newId: () => string;
  readonly limits: McpLimits;
  readonly budget: EventBudget;
  readonly onError: (error: Error) => void;
  /** The session has an id from now on. */
  readonly onOpen: (session: LegacySession, id: string) => void;
  readonly onClose: (session: LegacySession) => void;
}

const cancelledSchema = z.looseObject({
  method: z.literal('notifications/cancelled'),
  params: z.looseObject({ requestId: z.union([z.string(), z.number()]) }),
});

/**
 * The session of one client of a revision before 2026-07-28: a server object and a transport of its own, so that ids of
 * JSON-RPC requests need to differ only within it. It lives in this process: after a restart its id is unknown, and the
 * client starts a new one. Runs know nothing of it.
 */
export class LegacySession {
  readonly callerId: string;
  readonly tenant: string;
  readonly keyId: string | undefined;
  /** When something was last asked of it, by the clock of whoever keeps it. */
  lastUsedMs = 0;
  readonly #options: LegacySessionOptions;
  readonly #transport: WebStandardStreamableHTTPServerTransport;
  readonly #events: EventLog;
  /** Requests being worked on, with how many came in the same POST. */
  readonly #working = new Map<RequestId, number>();
  #streams = 0;
  #isClosed = false;

  constructor(options: LegacySessionOptions) {
    const { limits } = options;
    this.#options = options;
    this.callerId = options.callerId;
    this.tenant = options.tenant;
    this.keyId = options.keyId;
    this.#events = new EventLog(
      { events: limits.eventsPerSession, bytes: limits.eventBytesPerSession },
      options.budget,
    );
    this.#transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: options.newId,
      eventStore: this.#events,
      // A client whose stream was cut comes back after this time, not at once with all others.
      retryInterval: RETRY_MS,
      maxRequestBodySize: limits.bodyBytes,
      onsessioninitialized: (id) => options.onOpen(this, id),
    });
  }

  /** Ends it when what it serves cannot be built. */
  async start(request: Request): Promise<void> {
    const transport = this.#transport;
    const server = this.#options.connection.build({ era: 'legacy', requestInfo: request });
    await server.connect(transport);
    const { onmessage, onclose } = transport;
    const send = transport.send.bind(transport);
    transport.onmessage = (message, extra) => {
      onmessage?.(message, extra);
      this.#freeCancelled(message, send);
    };
    transport.send = (message, options) => {
      if (isAnswer(message) && message.id !== undefined) this.#working.delete(message.id);
      return send(message, options);
    };
    transport.onclose = () => {
      onclose?.();
      this.#ended();
    };
    transport.onerror = this.#options.onError;
  }

  /** Nobody waits for anything of it. */
  get isIdle(): boolean {
    return this.#streams === 0 && this.#working.size === 0;
  }

  get working(): number {
    return this.#working.size;
  }

  async handle(request: Request, body: unknown): Promise<Response> {
    const lastEventId = request.method === 'GET' ? request.headers.get('last-event-id') : null;
    if (lastEventId !== null && !this.#events.has(lastEventId)) return rpcError(400, FORGOTTEN);
    if (lastEventId !== null && this.#isOver(lastEventId))
      return rpcError(405, OVER, { headers: { Allow: 'GET, POST, DELETE' } });
    const asked = requestsOf(body);
    if (
      asked.length > 0 &&
      this.#working.size + asked.length > this.#options.limits.requestsPerSession
    )
      return rpcError(429, TOO_MANY, { id: requestIdOf(body), headers: { 'Retry-After': '1' } });
    for (const { id } of asked) this.#working.set(id, asked.length);
    const response = await this.#transport.handleRequest(request, { parsedBody: body });
    // Refused before anything was begun.
    if (!response.ok) for (const { id } of asked) this.#working.delete(id);
    return response;
  }

  /** A response of this session is being read. */
  streamBegins(): void {
    this.#streams += 1;
  }

  streamEnds(nowMs: number): void {
    this.#streams -= 1;
    this.lastUsedMs = nowMs;
  }

  /** Stops waiting for what comes by itself; answers to requests still go out. */
  closeStandingStream(): void {
    this.#transport.closeStandaloneSSEStream();
  }

  async close(): Promise<void> {
    await this.#transport.close();
    this.#ended();
  }

  /**
   * SDKs of 2025 come back to every stream that had ids, also behind the answer. An empty stream sends them on to a standing
   * stream, of which there is one (409); Gemini CLI 0.61 then takes the server for gone. 405 says that there is no stream.
   */
  #isOver(lastEventId: string): boolean {
    const isBatchOpen = [...this.#working.values()].some((together) => together > 1);
    return !isBatchOpen && this.#events.endsWithAnswer(lastEventId);
  }

  #ended(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.connection.watch?.close();
    this.#events.close();
    this.#working.clear();
    this.#options.onClose(this);
  }

  /**
   * Nobody answers a cancelled request, so the transport would keep its place, and the stream open, until the session ends:
   * an answer that nobody is sent any more frees both.
   */
  #freeCancelled(
    message: JSONRPCMessage,
    send: WebStandardStreamableHTTPServerTransport['send'],
  ): void {
    const cancelled = cancelledSchema.safeParse(message).data?.params.requestId;
    if (cancelled === undefined) return;
    const together = this.#working.get(cancelled);
    if (together === undefined) return;
    this.#working.delete(cancelled);
    // The stream of several requests is still needed by the others.
    if (together === 1) this.#transport.closeSSEStream(cancelled);
    const error = { code: SERVER_ERROR, message: 'cancelled' };
    send({ jsonrpc: '2.0', id: cancelled, error }).catch(this.#options.onError);
  }
}

const RETRY_MS = 1_000;

/** The transport refuses larger batches unread. */
const MAX_BATCH = 100;

function requestsOf(body: unknown) {
  if (!Array.isArray(body)) return isJSONRPCRequest(body) ? [body] : [];
  return body.length > MAX_BATCH ? [] : body.filter((message) => isJSONRPCRequest(message));
}

function isAnswer(message: JSONRPCMessage) {
  return isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message);
}

const FORGOTTEN = {
  code: SERVER_ERROR,
  message:
    'Bad Request: the event named by Last-Event-ID is not kept (any more), so what came after it cannot be sent again. Open a stream without it; what runs did is told by get_workflow and await_workflow.',
};

const OVER = {
  code: SERVER_ERROR,
  message:
    'The stream of this event has ended with it: the request was answered, and nothing follows. Nothing needs to be resumed.',
};

const TOO_MANY = {
  code: SERVER_ERROR,
  message:
    'Too many requests of this session are being worked on. Nothing was done; wait for answers, then send it again.',
};
