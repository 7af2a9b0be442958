import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import type { Exchange, ModelFormat, ModelRequest, Turn } from './model-request.ts';

/** What a client's model saw over the whole conversation. */
export interface ModelLog {
  /** Every tool that was ever offered. */
  readonly tools: ReadonlySet<string>;
  /** The longest conversation; side requests of a client (a title, a summary) are shorter. */
  readonly exchanges: readonly Exchange[];
  /** System prompt and messages of the user, of the last request that came with tools. */
  readonly prompt: string;
  /** What the model said at the end. */
  readonly lastWords: string;
  readonly requests: number;
  /** Requests that the endpoint could not answer. */
  readonly problems: readonly string[];
}

export interface ModelEndpoint {
  /** Without a slash at its end. */
  readonly url: string;
  readonly log: ModelLog;
  close(): Promise<void>;
}

/** Whole conversations are sent again with every request. */
const MAX_BODY_BYTES = 64 * 1_048_576;

/** A model on a free loopback port that answers by `script`, a function of what the client has sent, after `thinkingMs`. */
export async function startModelEndpoint(
  format: ModelFormat,
  script: (request: ModelRequest) => Turn,
  thinkingMs = 0,
): Promise<ModelEndpoint> {
  const log = {
    tools: new Set<string>(),
    exchanges: [] as readonly Exchange[],
    prompt: '',
    lastWords: '',
    requests: 0,
    problems: [] as string[],
  };
  const note = (request: ModelRequest, turn: Turn): void => {
    for (const tool of request.tools) log.tools.add(tool);
    if (request.tools.length > 0) log.prompt = request.prompt;
    if (request.exchanges.length >= log.exchanges.length) log.exchanges = request.exchanges;
    if (turn.kind === 'say' && request.tools.length > 0) log.lastWords = turn.text;
  };
  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    log.requests += 1;
    const { pathname } = new URL(incoming.url ?? '/', 'http://loopback');
    try {
      const body = await readBody(incoming);
      const request = format.parse(pathname, body);
      const turn = request && script(request);
      if (request && turn) note(request, turn);
      if (turn && thinkingMs > 0) await setTimeout(thinkingMs);
      const answer = turn ? format.answer(pathname, body, turn) : format.other(pathname);
      if (answer === undefined)
        log.problems.push(`not served: ${incoming.method ?? ''} ${pathname}`);
      outgoing.writeHead(answer ? 200 : 404, {
        'content-type': answer?.contentType ?? 'text/plain',
      });
      outgoing.end(answer?.body ?? 'not found');
    } catch (error) {
      log.problems.push(`${pathname}: ${String(error).slice(0, 500)}`);
      outgoing.writeHead(400, { 'content-type': 'text/plain' }).end(String(error));
    }
  };
  const server = createServer((incoming, outgoing) => void serve(incoming, outgoing));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return {
    url: `http://127.0.0.1:${address.port}`,
    log,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readBody(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    const buffer = Buffer.from(chunk as Uint8Array); // no encoding was set, so chunks are bytes
    bytes += buffer.length;
    if (bytes > MAX_BODY_BYTES) throw new Error('the request is too large');
    chunks.push(buffer);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  return text === '' ? undefined : JSON.parse(text);
}
