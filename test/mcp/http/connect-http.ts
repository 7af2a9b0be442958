import {
  Client,
  StreamableHTTPClientTransport,
  type CallToolResult,
  type ClientOptions,
} from '@modelcontextprotocol/client';
import { onTestFinished } from 'vitest';
import type { Caller, Scope } from '../../../src/application/access/access.ts';
import { createMcpEndpoint, type McpEndpointOptions } from '../../../src/mcp/http/mcp-endpoint.ts';
import type { McpEndpoint } from '../../../src/mcp/http/serve-connections.ts';
import { createWorkbench, type Workbench } from '../../application/workbench.ts';
import { startMcpHttp } from '../../support/mcp-http.ts';
import { collectingLogger, MODERN } from '../connect.ts';

export const ERAS = [
  ['legacy', {}],
  ['modern', MODERN],
] as const;

export interface HttpSession {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
  readonly call: (name: string, args?: Record<string, unknown>) => Promise<CallToolResult>;
}

export interface ServedHttp {
  readonly bench: Workbench;
  readonly endpoint: McpEndpoint;
  readonly url: URL;
  readonly logged: string[];
  /** The real client; closed when the test ends. */
  readonly connect: (options?: ClientOptions, as?: Caller) => Promise<HttpSession>;
  /** A request by hand. */
  readonly post: (
    body: unknown,
    headers?: Record<string, string>,
    as?: Caller,
  ) => Promise<Response>;
}

export function callerWith(
  id: string,
  { tenant = 'default', scopes }: { tenant?: string; scopes?: readonly Scope[] } = {},
): Caller {
  const all: readonly Scope[] = ['runs:read', 'runs:write', 'agents:work', 'approvals:resolve'];
  return { tenant, scopes: new Set(scopes ?? all), key: { id, name: `name of ${id}` } };
}

/** The endpoint behind a real server on loopback; requests name their caller by a header, the local user without one. */
export async function serveHttp(
  options: Partial<McpEndpointOptions> & { readonly bench?: Workbench } = {},
): Promise<ServedHttp> {
  const { bench = createWorkbench(), ...more } = options;
  const { logger, logged } = collectingLogger();
  const endpoint = createMcpEndpoint({
    application: bench.application,
    logger,
    version: '0.0.0-test',
    toolsets: 'all',
    live: { changes: bench.store, clock: bench.clock },
    ...more,
  });
  const callers = new Map<string, Caller>();
  const local: Caller = { tenant: 'default', scopes: bench.context.scopes };
  const http = await startMcpHttp({
    endpoint,
    caller: (request) => callers.get(request.headers.get('x-caller') ?? '') ?? local,
  });
  onTestFinished(() => http.close());
  const headersOf = (as?: Caller): Record<string, string> => {
    if (as === undefined) return {};
    const name = `${as.tenant}-${as.key?.id ?? ''}-${[...as.scopes].join('.')}`;
    callers.set(name, as);
    return { 'x-caller': name };
  };
  const connect: ServedHttp['connect'] = async (clientOptions, as) => {
    const client = new Client({ name: 'test client', version: '1.0.0' }, clientOptions);
    const transport = new StreamableHTTPClientTransport(http.url, {
      requestInit: { headers: headersOf(as) },
    });
    await client.connect(transport);
    onTestFinished(() => client.close());
    return {
      client,
      transport,
      call: (name, args = {}) => client.callTool({ name, arguments: args }),
    };
  };
  const post: ServedHttp['post'] = (body, headers = {}, as) =>
    fetch(http.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headersOf(as),
        ...headers,
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  return { bench, endpoint, url: http.url, logged, connect, post };
}
