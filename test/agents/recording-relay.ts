import {
  createServer,
  request as ask,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { z } from 'zod';

/** One request of a client, as it stood on the wire; no secret of it is kept. */
export interface HttpCall {
  readonly method: string;
  readonly path: string;
  /** Of the JSON-RPC messages in it. */
  readonly rpc: readonly string[];
  /** That its `initialize` asked for. */
  readonly asked?: string;
  /** Of the header `MCP-Protocol-Version`. */
  readonly revision?: string;
  readonly hasSession: boolean;
  readonly hasKey: boolean;
  /** It came with `Last-Event-ID`. */
  readonly isResumed: boolean;
  /** Undefined: the client went away before the head of the answer. */
  status?: number;
}

/** Stands between a client and `baton serve`, hands everything on unchanged, and remembers how it was asked. */
export interface RecordingRelay {
  /** Without a slash at its end. */
  readonly url: string;
  readonly calls: readonly HttpCall[];
  forget(): void;
  close(): Promise<void>;
}

const messageSchema = z.looseObject({
  method: z.string().optional(),
  params: z.looseObject({ protocolVersion: z.unknown() }).optional().catch(undefined),
});
const bodySchema = z.union([messageSchema.transform((one) => [one]), z.array(messageSchema)]);

export async function startRecordingRelay(target: string): Promise<RecordingRelay> {
  const calls: HttpCall[] = [];
  const server = createServer((incoming, outgoing) => {
    void relay(target, incoming, outgoing, calls).catch((error: unknown) => {
      if (!outgoing.headersSent) outgoing.writeHead(502);
      outgoing.end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return {
    url: `http://127.0.0.1:${address.port}`,
    calls,
    forget: () => {
      calls.length = 0;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function relay(
  target: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  calls: HttpCall[],
): Promise<void> {
  const { method = '', url = '/', headers } = incoming;
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Uint8Array); // no encoding was set, so chunks are bytes
  const body = Buffer.concat(chunks);
  const call = readCall(method, url, headers, body.toString('utf8'));
  calls.push(call);
  await new Promise<void>((resolve, reject) => {
    const upstream = ask(`${target}${url}`, { method, headers, agent: false }, (answer) => {
      call.status = answer.statusCode ?? 0;
      outgoing.writeHead(call.status, answer.headers);
      outgoing.flushHeaders(); // of a stream in which nothing has happened yet
      answer.pipe(outgoing);
      answer.once('close', resolve);
    });
    upstream.once('error', reject);
    outgoing.once('close', () => upstream.destroy()); // a client that hangs up is seen by the server
    upstream.end(body);
  });
}

function readCall(
  method: string,
  url: string,
  headers: IncomingHttpHeaders,
  body: string,
): HttpCall {
  const messages = bodySchema.safeParse(parseJson(body)).data ?? [];
  const asked = messages.find((message) => message.method === 'initialize')?.params;
  const revision = headers['mcp-protocol-version'];
  return {
    method,
    path: new URL(url, 'http://loopback').pathname,
    rpc: messages.flatMap((message) => message.method ?? []),
    ...(asked && { asked: String(asked.protocolVersion) }),
    ...(typeof revision === 'string' && { revision }),
    hasSession: headers['mcp-session-id'] !== undefined,
    hasKey: headers.authorization !== undefined,
    isResumed: headers['last-event-id'] !== undefined,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // handed on all the same: the server says what is wrong with it
  }
}
