import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** HTTP servers on loopback that end with the fixture, and what they were sent. */
export class HttpFixture {
  readonly #servers: Server[] = [];

  /** Answers the URL of its MCP endpoint. */
  async serve(
    answer: (received: Received, response: ServerResponse) => unknown,
  ): Promise<{ url: string; received: Received[] }> {
    const received: Received[] = [];
    const url = await this.#listen((request, response) => {
      void read(request).then((message) => {
        received.push(message);
        answer(message, response);
      });
    });
    return { url, received };
  }

  /** The official SDK's server; `reject` speaks only the revision without sessions. */
  async serveSdk(legacy: 'stateless' | 'reject'): Promise<string> {
    const handler = createMcpHandler(() => new McpServer({ name: 'baton', version: '9.8.7' }), {
      legacy,
    });
    return this.#listen((request, response) => {
      void read(request)
        .then((message) => handler.fetch(webRequest(message)))
        .then((answer) => send(answer, response));
    });
  }

  async close(): Promise<void> {
    for (const server of this.#servers.splice(0)) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  }

  async #listen(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    this.#servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo; // it listens on a port
    return `http://127.0.0.1:${port}/mcp`;
  }
}

async function read(request: IncomingMessage): Promise<Received> {
  const { method = '', url = '', headers } = request;
  return { method, path: url, headers, body: (await buffer(request)).toString('utf8') };
}

function webRequest({ method, path, headers, body }: Received): Request {
  const fields = Object.entries(headers).map(([name, value]) => [name, String(value)] as const);
  return new Request(`http://${String(headers.host)}${path}`, {
    method,
    headers: Object.fromEntries(fields),
    ...(body !== '' && { body }),
  });
}

async function send(answer: Response, response: ServerResponse): Promise<void> {
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.end(await answer.text());
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers = {},
): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** The JSON-RPC answer to a request. */
export function resultOf({ body }: Received, result: object): object {
  return { jsonrpc: '2.0', id: idIn(body), result };
}

export function errorOf({ body }: Received, code: number, message: string): object {
  return { jsonrpc: '2.0', id: idIn(body), error: { code, message } };
}

function idIn(body: string): unknown {
  return (JSON.parse(body) as { id?: unknown }).id; // a request is an object
}

export function initialized(name: string, protocolVersion = '2025-11-25'): object {
  return { protocolVersion, capabilities: {}, serverInfo: { name, version: '1.2.3' } };
}
