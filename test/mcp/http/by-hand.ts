import { z } from 'zod';
import type { Caller } from '../../../src/application/access/access.ts';
import type { ServedHttp } from './connect-http.ts';

const REVISION = '2026-07-28';

const answerSchema = z.looseObject({
  id: z.union([z.string(), z.number(), z.null()]).optional(),
  result: z.looseObject({}).optional(),
  error: z.looseObject({ code: z.number(), message: z.string() }).optional(),
});
export type Answer = z.infer<typeof answerSchema> & { readonly status: number };

export interface ModernRequest {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly capabilities?: object;
  readonly id?: string | number;
  readonly as?: Caller;
  /** In place of those that the specification asks for. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request of 2026-07-28, as its client would send it. */
export async function postModern(
  { post }: ServedHttp,
  method: string,
  { params = {}, capabilities = {}, id = 1, as, headers = {} }: ModernRequest = {},
): Promise<Response> {
  const named = params.name ?? params.uri ?? params.taskId;
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': REVISION,
    'io.modelcontextprotocol/clientInfo': { name: 'by hand', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': capabilities,
  };
  return post(
    { jsonrpc: '2.0', id, method, params: { ...params, _meta } },
    {
      'mcp-protocol-version': REVISION,
      'mcp-method': method,
      ...(typeof named === 'string' && { 'mcp-name': named }),
      ...headers,
    },
    as,
  );
}

/** The answer itself: the body, or the last event of a stream that has ended. */
export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const last = text
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .at(-1);
  const json: unknown = JSON.parse(last?.slice('data: '.length) ?? text);
  return { ...answerSchema.parse(json), status: response.status };
}

export async function askModern(
  served: ServedHttp,
  method: string,
  request?: ModernRequest,
): Promise<Answer> {
  return answerOf(await postModern(served, method, request));
}

export const initialize = (id: string | number = 1, protocolVersion = '2025-11-25') => ({
  jsonrpc: '2.0',
  id,
  method: 'initialize',
  params: { protocolVersion, capabilities: {}, clientInfo: { name: 'by hand', version: '1' } },
});

/** Begins a session and answers its id. */
export async function openSession(served: ServedHttp, as?: Caller): Promise<string> {
  const response = await served.post(initialize(), {}, as);
  await response.text();
  const id = response.headers.get('mcp-session-id');
  if (id === null) throw new Error(`no session: ${response.status}`);
  return id;
}

/** Reads events of a stream one by one; `close` hangs up. */
export function eventsOf(response: Response): {
  next: () => Promise<{ id: string | undefined; data: unknown } | undefined>;
  close: () => Promise<void>;
} {
  if (response.body === null) throw new Error('no stream');
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const next = async (): Promise<{ id: string | undefined; data: unknown } | undefined> => {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end >= 0) {
        const lines = text.slice(0, end).split('\n');
        text = text.slice(end + 2);
        const data = lines.find((line) => line.startsWith('data: '))?.slice(6);
        const id = lines.find((line) => line.startsWith('id: '))?.slice(4);
        if (data !== undefined) return { id, data: data === '' ? undefined : JSON.parse(data) };
        continue;
      }
      const { done, value } = await reader.read();
      if (done) return undefined;
      text += value;
    }
  };
  return { next, close: () => reader.cancel() };
}
