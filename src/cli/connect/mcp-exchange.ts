import { z } from 'zod';
import { eventsIn } from './event-stream.ts';

/** More than any server needs to say who it is. */
const MAX_REPLY_BYTES = 2 ** 20;
const ID = 'baton-connect';

export interface ExchangeRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly method: string;
  readonly params: object;
  /** Ends the exchange, whatever it waits for. */
  readonly signal: AbortSignal;
}

/** What came back over HTTP; what came from the server is not yet fit to be shown. */
export type Reply = { readonly kind: 'result'; readonly result: unknown } | NoResult;

export type NoResult =
  | { readonly kind: 'error'; readonly code: number; readonly message: string }
  | { readonly kind: 'redirect'; readonly status: number; readonly location: string | null }
  | { readonly kind: 'refusal'; readonly status: number }
  | { readonly kind: 'noMcp'; readonly reason: string };

export interface Exchange {
  readonly reply: Reply;
  /** Of a session that the server began for it. */
  readonly sessionId: string | null;
}

const messageSchema = z.union([
  z.object({ jsonrpc: z.literal('2.0'), id: z.literal(ID), result: z.unknown() }),
  z.object({
    jsonrpc: z.literal('2.0'),
    // A request whose id the server did not get as far as to read is answered without.
    id: z.union([z.literal(ID), z.null()]).optional(),
    error: z.object({ code: z.number(), message: z.string() }),
  }),
]);

class TooLargeError extends Error {}

/**
 * Sends one JSON-RPC request over Streamable HTTP and reads its answer, as JSON or as an event stream, of 1 MiB at most.
 * Follows no redirect: the client might not, or the headers would reach another. Rejects when no connection comes about
 * or when the signal aborts.
 */
export async function exchange(request: ExchangeRequest): Promise<Exchange> {
  const { url, headers, method, params, signal } = request;
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      ...headers,
      Accept: 'application/json, text/event-stream',
      'Content-Type': 'application/json',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: ID, method, params }),
    redirect: 'manual',
    signal,
  });
  const sessionId = response.headers.get('mcp-session-id');
  try {
    return { reply: await readReply(response), sessionId };
  } catch (error) {
    if (!(error instanceof TooLargeError)) throw error;
    return { reply: { kind: 'noMcp', reason: error.message }, sessionId };
  } finally {
    // The connection of a reply that is not read to its end would keep the process alive.
    if (response.body?.locked === false) await response.body.cancel().catch(() => undefined);
  }
}

async function readReply(response: Response): Promise<Reply> {
  const { status } = response;
  if (status >= 300 && status < 400)
    return { kind: 'redirect', status, location: response.headers.get('location') };
  // Whatever the body says: so says the gate in front of the server.
  if (status === 401 || status === 403 || status === 429 || status >= 500)
    return { kind: 'refusal', status };
  const type = (response.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase();
  const message =
    type === 'text/event-stream'
      ? await messageInStream(response)
      : type === 'application/json'
        ? messageIn(await wholeText(response))
        : undefined;
  if (message !== undefined && 'error' in message) return { kind: 'error', ...message.error };
  if (!response.ok) return { kind: 'refusal', status };
  if (message !== undefined) return { kind: 'result', result: message.result };
  return { kind: 'noMcp', reason: `HTTP ${status}, ${type || 'no content type'}, no MCP reply` };
}

/** Requests and notices of the server may come before the answer. */
async function messageInStream(response: Response): Promise<ReturnType<typeof messageIn>> {
  for await (const event of eventsIn(textIn(response))) {
    const message = messageIn(event);
    if (message !== undefined) return message;
  }
  return undefined;
}

async function wholeText(response: Response): Promise<string> {
  let text = '';
  for await (const part of textIn(response)) text += part;
  return text;
}

async function* textIn(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let bytes = 0;
  const body = (response.body ?? []) as AsyncIterable<Uint8Array>; // bytes, which its type leaves open
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > MAX_REPLY_BYTES)
      throw new TooLargeError(`a reply of more than ${MAX_REPLY_BYTES} bytes`);
    yield decoder.decode(chunk, { stream: true });
  }
}

function messageIn(text: string): z.infer<typeof messageSchema> | undefined {
  try {
    return messageSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Gives a session back. Best effort: a server forgets what nobody uses. */
export async function endSession(
  { url, headers, signal }: Pick<ExchangeRequest, 'url' | 'headers' | 'signal'>,
  sessionId: string,
  protocolVersion: string,
): Promise<void> {
  try {
    const response = await fetch(url, {
      method: 'DELETE',
      headers: {
        ...headers,
        'Mcp-Session-Id': sessionId,
        'MCP-Protocol-Version': protocolVersion,
      },
      redirect: 'manual',
      signal,
    });
    await response.body?.cancel();
  } catch {
    // It did not work out, and nothing depends on it.
  }
}
