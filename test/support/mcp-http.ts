import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { LOCAL_CALLER, type Caller } from '../../src/application/access/access.ts';
import type { McpEndpoint } from '../../src/mcp/http/serve-connections.ts';

export interface McpHttp {
  /** Of the endpoint, e.g. `http://127.0.0.1:40123/mcp`. */
  readonly url: URL;
  readonly server: Server;
  /** Ends the endpoint, then every connection. */
  close(): Promise<void>;
}

/** The endpoint on a free port of loopback, without the gates of `baton serve`: whoever comes is that caller. */
export async function startMcpHttp(options: {
  readonly endpoint: McpEndpoint;
  /** Default: the local user. */
  readonly caller?: Caller | ((request: Request) => Caller);
  readonly port?: number;
}): Promise<McpHttp> {
  const { endpoint, caller = LOCAL_CALLER, port = 0 } = options;
  const listener = getRequestListener(
    (request) => endpoint.fetch(request, typeof caller === 'function' ? caller(request) : caller),
    { overrideGlobalObjects: false },
  );
  const server = createServer((request, response) => void listener(request, response));
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  server.once('error', reject);
  server.listen(port, '127.0.0.1', () => resolve(undefined));
  await promise;
  // A TCP server's address is no string.
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${bound}/mcp`),
    server,
    close: async () => {
      await endpoint.close({ graceMs: 0 });
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
