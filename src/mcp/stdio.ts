import type { Transport } from '@modelcontextprotocol/server';
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import { watchListenRequests } from './listen-requests.ts';
import { createConnection, type McpServerOptions } from './server.ts';

export interface ServeMcpOptions extends McpServerOptions {
  /**
   * Called once when the connection has ended: without a reason when the client is gone (standard input ended, or
   * standard output broke), else with what the connection was given up for, such as a message above 10 MiB.
   */
  readonly onClosed: (reason?: Error) => void;
  /** Default: this process's standard input and output, which then belong to the protocol. */
  readonly transport?: Transport;
}

export interface McpService {
  /** Ends the connection; waits in flight end, runs go on. Does not call `onClosed`. */
  close(): Promise<void>;
}

/** What may wait for the end of its line; a client that sends more is cut off. */
const MAX_MESSAGE_BYTES = 10 * 2 ** 20;

/** `subscriptions/listen` requests of one connection that are open at once. */
export const MAX_LISTENING = 32;

/** Of a stream whose other end has closed it. */
const CLIENT_GONE = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED']);

/**
 * Serves MCP to one client, of any protocol revision from 2024-11-05 to 2026-07-28. Resolves when it listens.
 * Requests in flight when the client goes are dropped; what they had committed stays.
 */
export async function serveMcp(options: ServeMcpOptions): Promise<McpService> {
  const { logger, onClosed } = options;
  const transport = options.transport ?? stdioTransport();
  let fatal: Error | undefined;
  const connection = createConnection(options);
  const service = serveStdio((request) => connection.build(request), {
    transport,
    maxSubscriptions: MAX_LISTENING,
    onerror: (error) => {
      logger.warn({ error: error.message }, 'MCP connection');
      // The transport tells of an error it cannot survive and closes at once; after any other it goes on.
      fatal = isClientGone(error) ? undefined : error;
      queueMicrotask(() => (fatal = undefined));
    },
  });
  watchListenRequests(transport, connection, logger);
  const ended = transport.onclose;
  let isClosing = false;
  transport.onclose = () => {
    ended?.();
    connection.watch?.close();
    if (!isClosing) onClosed(fatal);
    isClosing = true;
  };
  return {
    close: async () => {
      isClosing = true;
      connection.watch?.close();
      await service.close();
    },
  };
}

function stdioTransport(): Transport {
  return new StdioServerTransport(process.stdin, process.stdout, {
    maxBufferSize: MAX_MESSAGE_BYTES,
  });
}

function isClientGone(error: Error): boolean {
  return 'code' in error && typeof error.code === 'string' && CLIENT_GONE.has(error.code);
}
