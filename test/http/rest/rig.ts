import { Hono } from 'hono';
import { LOCAL_CALLER, type Caller } from '../../../src/application/access/access.ts';
import type { HttpEnv } from '../../../src/http/http-env.ts';
import { createRestApi } from '../../../src/http/rest/create-rest-api.ts';
import { REST_PATH } from '../../../src/http/rest/define-route.ts';
import type { RouteServices } from '../../../src/http/rest/route-context.ts';
import { createWorkbench, type Workbench } from '../../application/workbench.ts';
import { collectingLogger } from '../../mcp/connect.ts';

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly headers: Headers;
  readonly text: string;
  /** Of a JSON body; fails where it is none. */
  field(...path: readonly (string | number)[]): unknown;
  readonly json: unknown;
}

export interface Rig {
  readonly bench: Workbench;
  readonly app: Hono<HttpEnv>;
  readonly logged: readonly string[];
  get(path: string, headers?: Record<string, string>): Promise<Reply>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  send(path: string, init: RequestInit): Promise<Reply>;
}

export const ANNA: Caller = { ...LOCAL_CALLER, key: { id: 'k1', name: 'anna' } };

/** The routes behind a middleware that lets everybody in as the caller. */
export function createRig(
  options: Partial<RouteServices> & {
    readonly caller?: Caller;
    readonly bench?: Workbench;
  } = {},
): Rig {
  const { caller = LOCAL_CALLER, bench = createWorkbench(), ...services } = options;
  const { logger, logged } = collectingLogger();
  const app = new Hono<HttpEnv>();
  app.use(async (c, next) => {
    c.set('caller', caller);
    c.set('requestId', 'r1');
    await next();
  });
  const { application } = bench;
  const version = '0.0.0-test';
  app.route(REST_PATH, createRestApi({ application, logger, version, ...services }));
  const send = async (path: string, init: RequestInit): Promise<Reply> =>
    replyOf(await app.request(`${REST_PATH}${path}`, init));
  return {
    bench,
    app,
    logged,
    send,
    get: (path, headers = {}) => send(path, { headers }),
    post: (path, body, headers = {}) =>
      send(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
  };
}

async function replyOf(response: Response): Promise<Reply> {
  const text = await response.text();
  const parse = (): unknown => JSON.parse(text);
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    headers: response.headers,
    text,
    get json() {
      return parse();
    },
    field: (...path) => path.reduce<unknown>((value, name) => memberOf(value, name), parse()),
  };
}

function memberOf(value: unknown, name: string | number): unknown {
  return typeof value === 'object' && value !== null
    ? new Map<string, unknown>(Object.entries(value)).get(String(name))
    : undefined;
}
