import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { text as readText } from 'node:stream/consumers';
import { Hono } from 'hono';
import { onTestFinished } from 'vitest';
import { createMemoryStore } from '../../src/adapters/memory/memory-store.ts';
import type { Caller } from '../../src/application/access/access.ts';
import type { UseCaseResult } from '../../src/application/use-case.ts';
import { configSchema, type Config } from '../../src/config/config-schema.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import type { HttpEnv } from '../../src/http/http-env.ts';
import {
  serveEndpoints,
  type HttpService,
  type ServeEndpointsOptions,
} from '../../src/http/serve-endpoints.ts';
import type { Store } from '../../src/ports/store.ts';
import { createManualClock, type ManualClock } from '../support/manual-clock.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';

export const GOOD_KEY = 'bok_good';

export const READER: Caller = {
  tenant: 'default',
  scopes: new Set(['runs:read']),
  key: { id: 'k1', name: 'reader' },
};

/** The server with all its gates before endpoints that a test plays. */
export interface TestService extends HttpService {
  readonly clock: ManualClock;
  readonly store: Store;
  /** Keys that are good now, and how often the store was asked. */
  readonly keys: Map<string, Caller>;
  readonly asked: string[];
  /** Keys whose sessions were ended. */
  readonly ended: string[];
  /** Requests that reached `/api/v1/hold` and wait for `release`. */
  readonly held: { readonly count: number; release(): void };
  readonly ask: (path: string, request?: Asked) => Promise<Answer>;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Of a problem. */
  readonly code: unknown;
}

export function httpSettings(changes: Partial<Config['http']> = {}): Config['http'] {
  const defaults = SETTINGS.filter(({ key }) => key.startsWith('http.')).map(
    ({ key, fallback }) => [key.slice('http.'.length), fallback] as const,
  );
  const shape = configSchema.shape.http;
  return shape.parse({ ...Object.fromEntries(defaults), port: 0, ...changes });
}

export async function startService(
  settings: Partial<Config['http']> = {},
  more: Partial<ServeEndpointsOptions> = {},
): Promise<TestService> {
  const clock = createManualClock();
  const ids = createSeededIds(3);
  const store = createMemoryStore({ clock, ids });
  const keys = new Map([[GOOD_KEY, READER]]);
  const asked: string[] = [];
  const ended: string[] = [];
  const held = new Held();
  const service = await serveEndpoints({
    settings: httpSettings(settings),
    ...{ store, clock, ids },
    logger: silentLogger,
    authenticate: async (key) => {
      asked.push(key);
      return verdictOn(keys.get(key));
    },
    mcp: {
      fetch: async (request, caller) =>
        Response.json({ body: await request.text(), tenant: caller.tenant }),
      endKey: async (id) => void ended.push(id),
      close: async () => undefined,
    },
    rest: playedRest(held),
    metrics: async () => ({ contentType: 'text/plain', text: 'figures' }),
    endWaits: () => undefined,
    ...more,
  });
  onTestFinished(() => service.close({ graceMs: 0 }));
  const ask = (path: string, request?: Asked) => send(service.url + path, request);
  return { ...service, clock, store, keys, asked, ended, held, ask };
}

function verdictOn(caller: Caller | undefined): UseCaseResult<Caller> {
  if (caller !== undefined) return { ok: true, value: caller };
  const error = {
    code: 'key_refused',
    message: 'no',
    changed: 'nothing',
    next: 'another',
  } as const;
  return { ok: false, error };
}

class Held {
  count = 0;
  #open = Promise.withResolvers<undefined>();

  wait(): Promise<undefined> {
    this.count += 1;
    return this.#open.promise;
  }

  release(): void {
    this.#open.resolve(undefined);
    this.#open = Promise.withResolvers();
  }
}

function playedRest(held: Held): Hono<HttpEnv> {
  const rest = new Hono<HttpEnv>();
  rest.get('/who', (c) => {
    const { tenant, key } = c.get('caller');
    return c.json({ tenant, key: key?.name ?? 'local' });
  });
  rest.post('/echo', async (c) => c.text(await c.req.text()));
  rest.get('/hold', async (c) => {
    await held.wait();
    return c.json({ released: true });
  });
  rest.get('/events', () => {
    const first = new TextEncoder().encode('data: first\n\n');
    const body = new ReadableStream({ start: (controller) => controller.enqueue(first) });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  });
  rest.get('/broken', () => {
    throw new Error('the secret of the house');
  });
  return rest;
}

/** One request on a connection of its own. */
export async function send(url: string, asked: Asked = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body } = asked;
  const answered = Promise.withResolvers<Answer>();
  const request = httpRequest(url, { method, headers, agent: false }, (response) => {
    const { statusCode: status = 0, headers: told } = response;
    readText(response).then(
      (text) => answered.resolve({ status, headers: told, text, code: codeIn(text) }),
      answered.reject,
    );
  });
  request.on('error', answered.reject);
  request.end(body);
  return answered.promise;
}

function codeIn(text: string): unknown {
  try {
    return new Map<string, unknown>(Object.entries(JSON.parse(text) as object)).get('code');
  } catch {
    return undefined;
  }
}
