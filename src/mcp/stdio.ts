import type { Transport } from '@modelcontextprotocol/server';
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import { createServerFactory, type McpServerOptions } from './server.ts';

export interface ServeMcpOptions extends McpServerOptions {
  /** Called once when the client is gone: standard input ended, or standard output broke. */
  readonly onClosed: () => void;
  /** Default: this process's standard input and output, which then belong to the protocol. */
  readonly transport?: Transport;
}

export interface McpService {
  /** Ends the connection; waits in flight end, runs go on. Does not call `onClosed`. */
  close(): Promise<void>;
}

/**
 * Serves MCP to one client, of any protocol revision from 2024-11-05 to 2026-07-28. Resolves when it listens.
 * Requests in flight when the client goes are dropped; what they had committed stays.
 */
export async function serveMcp(options: ServeMcpOptions): Promise<McpService> {
  const { logger, onClosed } = options;
  const transport = options.transport ?? new StdioServerTransport();
  const service = serveStdio(createServerFactory(options), {
    transport,
    onerror: (error) => logger.warn({ error: error.message }, 'MCP connection'),
  });
  const ended = transport.onclose;
  let isClosing = false;
  transport.onclose = () => {
    ended?.();
    if (!isClosing) onClosed();
    isClosing = true;
  };
  return {
    close: async () => {
      isClosing = true;
      await service.close();
    },
  };
}
