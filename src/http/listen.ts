import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { isIPv6 } from 'node:net';
import type { AddressInfo } from 'node:net';
import { ConnectionShares } from './connection-shares.ts';

export interface ConnectionTimeouts {
  /** For the head of a request, and for all of it: who is slower occupies a connection on purpose. */
  readonly headersMs: number;
  readonly requestMs: number;
  /** Between two requests of a connection. */
  readonly keepAliveMs: number;
  /** Without a byte either way: longer than any wait, and event streams say something every five seconds. */
  readonly silenceMs: number;
}

export const CONNECTION_TIMEOUTS: ConnectionTimeouts = {
  headersMs: 10_000,
  requestMs: 30_000,
  keepAliveMs: 15_000,
  silenceMs: 60_000,
};

/** How often slow requests are looked for, in parts of the time that their head may take. */
const LOOKS = 10;
const MAX_HEADER_BYTES = 16_384;
const MAX_HEADERS = 100;
/** That have given way, and are not closed yet. */
const MAX_CLOSING_CONNECTIONS = 1_000;

/** The address cannot be listened on; `code` is the system's, such as EADDRINUSE. */
export class ListenError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'ListenError';
    this.code = code;
  }
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly maxConnections: number;
  readonly timeouts: ConnectionTimeouts;
}

/** Listens, with a bound on everything that a connection may take up. Rejects with ListenError. */
export async function listen(
  listener: RequestListener,
  { host, port, maxConnections, timeouts }: ListenOptions,
): Promise<Server> {
  const server = createServer(
    {
      headersTimeout: timeouts.headersMs,
      requestTimeout: timeouts.requestMs,
      keepAliveTimeout: timeouts.keepAliveMs,
      connectionsCheckingInterval: timeouts.headersMs / LOOKS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    listener,
  );
  server.timeout = timeouts.silenceMs;
  server.maxHeadersCount = MAX_HEADERS;
  server.maxConnections = maxConnections + MAX_CLOSING_CONNECTIONS;
  new ConnectionShares(maxConnections).watch(server);
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code = 'unknown', message } = error as NodeJS.ErrnoException; // as `listen` fails
    throw new ListenError(code, message);
  }
  return server;
}

/** Without a path. */
export function urlOf(server: Server): string {
  const { address, port } = server.address() as AddressInfo; // it listens on a port
  return `http://${isIPv6(address) ? `[${address}]` : address}:${port}`;
}
