import type { Hono } from 'hono';
import type { HttpEnv } from '../../../src/http/http-env.ts';
import { REST_PATH } from '../../../src/http/rest/define-route.ts';

export interface ReceivedEvent {
  readonly event: string;
  readonly id: string;
  readonly data: unknown;
}

/** A client as the HTML standard has it: it keeps what came whole, and remembers the last place. */
export class EventClient {
  readonly received: ReceivedEvent[] = [];
  /** Blocks as they came, for tests of the format. */
  readonly blocks: string[] = [];
  lastEventId = '';
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #rest = '';

  constructor(response: Response) {
    this.response = response;
    if (response.body === null) throw new Error('the response has no body');
    this.#reader = response.body.getReader();
  }

  /** False: the stream is over. */
  async read(): Promise<boolean> {
    return (await this.readOf(Infinity)) > 0;
  }

  /** How many characters came; those beyond `maxChars` are lost on the way. 0: the stream is over. */
  async readOf(maxChars: number): Promise<number> {
    const { value, done } = await this.#reader.read();
    if (done) return 0;
    const text = this.#decoder.decode(value, { stream: true });
    this.#rest += text.slice(0, maxChars);
    for (let end = this.#rest.indexOf('\n\n'); end >= 0; end = this.#rest.indexOf('\n\n')) {
      this.#take(this.#rest.slice(0, end));
      this.#rest = this.#rest.slice(end + 2);
    }
    return text.length;
  }

  async readUntil(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) if (!(await this.read())) throw new Error('the stream ended before');
  }

  cut(): Promise<void> {
    return this.#reader.cancel();
  }

  #take(block: string): void {
    this.blocks.push(block);
    const fields = block.split('\n').map((line): [string, string] => {
      const at = line.indexOf(': ');
      return [line.slice(0, at), line.slice(at + 2)];
    });
    const { id, event = 'message', data } = Object.fromEntries(fields) as Record<string, string>;
    if (id !== undefined) this.lastEventId = id;
    if (data !== undefined)
      this.received.push({ event, id: this.lastEventId, data: JSON.parse(data) as unknown });
  }
}

export async function openEvents(
  app: Hono<HttpEnv>,
  query = '',
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<EventClient> {
  const accept = { accept: 'text/event-stream', ...headers };
  const init = { headers: accept, ...(signal && { signal }) };
  return new EventClient(await app.request(`${REST_PATH}/events${query}`, init));
}
