import { createServer } from 'node:http';

/** Stands where a client looks for its way to the internet: refuses everything and remembers what was asked for. */
export interface RefusingProxy {
  /** For every client process: its only way out. */
  readonly environment: Readonly<Record<string, string>>;
  /** Hosts that were asked for. */
  readonly asked: ReadonlySet<string>;
  close(): Promise<void>;
}

export async function startRefusingProxy(): Promise<RefusingProxy> {
  const asked = new Set<string>();
  const server = createServer((request, response) => {
    asked.add(request.headers.host ?? request.url ?? '?');
    response.writeHead(403).end('No network in this test.');
  });
  server.on('connect', (request, socket) => {
    asked.add(request.url ?? '?');
    socket.on('error', () => undefined); // the client hung up first
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  const url = `http://127.0.0.1:${address.port}`;
  const here = '127.0.0.1,localhost,::1';
  return {
    asked,
    environment: {
      HTTP_PROXY: url,
      HTTPS_PROXY: url,
      http_proxy: url,
      https_proxy: url,
      NO_PROXY: here,
      no_proxy: here,
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
