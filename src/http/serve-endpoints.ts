import type { Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Registry } from 'prom-client';
import type { Clock } from '../ports/clock.ts';
import { createHttpApp, type Endpoints, type HttpAppParts } from './http-app.ts';
import { KeyVerdicts, type Authenticate } from './key-verdicts.ts';
import { CONNECTION_TIMEOUTS, listen, urlOf, type ConnectionTimeouts } from './listen.ts';
import { isLoopback } from './loopback.ts';
import { problemResponse } from './problem.ts';
import { createRequestMetrics } from './request-metrics.ts';
import { Slots } from './slots.ts';

/** Connections that hold neither a request nor a stream. */
const IDLE_CONNECTIONS = 1_000;
/** Streams end by themselves; who does not read the end of one is not waited for. */
const STREAM_GRACE_MS = 1_000;

export interface ServeEndpointsOptions extends Pick<
  HttpAppParts,
  'settings' | 'store' | 'clock' | 'ids' | 'logger' | 'rest' | 'metrics'
> {
  readonly authenticate: Authenticate;
  readonly mcp: Endpoints['mcp'] & {
    /** Ends what belongs to a key that is good no more. */
    endKey(keyId: string): Promise<void>;
    /** Ends sessions and streams; calls under way may still be answered for `graceMs`. */
    close(options: { readonly graceMs: number }): Promise<void>;
  };
  /** Where the figures of requests go. Default: nowhere. */
  readonly registry?: Registry;
  /** Default: CONNECTION_TIMEOUTS. */
  readonly timeouts?: ConnectionTimeouts;
  /** Called when the service begins to close: ends what callers wait for. */
  readonly endWaits: () => void;
}

export interface HttpService {
  /** Without a path, e.g. `http://127.0.0.1:7420`. */
  readonly url: string;
  /**
   * Refuses new connections and requests, ends waits and streams early, gives what is being answered `graceMs`, then cuts
   * every connection. Resolves when the port is free.
   */
  close(options: { readonly graceMs: number }): Promise<void>;
}

/** Rejects with ListenError; serves when it resolves. */
export async function serveEndpoints(options: ServeEndpointsOptions): Promise<HttpService> {
  const { settings, clock, authenticate, mcp, registry = new Registry() } = options;
  const { timeouts = CONNECTION_TIMEOUTS } = options;
  const requests = new Slots(settings.maxRequests);
  const streams = new Slots(settings.maxStreams);
  const draining = new AbortController();
  const app = createHttpApp({
    ...options,
    ...{ requests, streams },
    isKeyRequired: isKeyRequired(settings),
    keys: new KeyVerdicts(authenticate, { clock, onEnded: (keyId) => void mcp.endKey(keyId) }),
    requestMetrics: createRequestMetrics(registry, {
      requests: () => requests.total,
      streams: () => streams.total,
    }),
    isDraining: () => draining.signal.aborted,
  });
  const listener = getRequestListener((request, env) => app.fetch(request, env), {
    overrideGlobalObjects: false,
    errorHandler: badRequest,
  });
  const maxConnections = settings.maxRequests + settings.maxStreams + IDLE_CONNECTIONS;
  const server = await listen((...exchange) => void listener(...exchange), {
    ...settings,
    ...{ maxConnections, timeouts },
  });
  const close = async ({ graceMs }: { readonly graceMs: number }): Promise<void> => {
    draining.abort();
    options.endWaits();
    const closed = closing(server);
    const answered = Promise.all([mcp.close({ graceMs }), requests.whenEmpty()]);
    await within(graceMs, clock, answered);
    await within(Math.min(graceMs, STREAM_GRACE_MS), clock, streams.whenEmpty());
    server.closeAllConnections();
    await closed;
  };
  return { url: urlOf(server), close };
}

/** Whether everybody must bring a key: only who can reach nothing but loopback may be without. */
export function isKeyRequired({
  auth,
  host,
}: {
  auth: 'auto' | 'required';
  host: string;
}): boolean {
  return auth === 'required' || !isLoopback(host);
}

/** Resolves with the work, or when the time is up. */
async function within(ms: number, clock: Clock, work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  await Promise.race([work, clock.sleep(ms, over.signal)]);
  over.abort();
}

function closing(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

/** What is no request at all, such as one whose target or host is none. Its words are not repeated. */
function badRequest(): Response {
  return problemResponse(undefined, NO_REQUEST, 400, { Connection: 'close' });
}

const NO_REQUEST = {
  code: 'malformed_request',
  message:
    'The host (the header Host) or the target of the request is none that this server can read.',
  changed: 'nothing',
  next: 'Send the request to an address of this server, such as /api/v1/health, with its host as Host.',
} as const;
