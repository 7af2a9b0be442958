import { Hono } from 'hono';
import type { Caller } from '../application/access/access.ts';
import { missingScope } from '../application/access/access.ts';
import { seesInstallation } from '../application/access/tenant-view.ts';
import type { Config } from '../config/config-schema.ts';
import type { Clock } from '../ports/clock.ts';
import type { IdSource } from '../ports/id-source.ts';
import type { KeyValueStore } from '../ports/key-value-store.ts';
import type { Logger } from '../ports/logger.ts';
import { createAllowLists } from './allow-lists.ts';
import { admit } from './gates/admit.ts';
import { letIn } from './gates/let-in.ts';
import { limitRate } from './gates/limit-rate.ts';
import { observe } from './gates/observe.ts';
import { readBody } from './gates/read-body.ts';
import { refuseForeign } from './gates/refuse-foreign.ts';
import { watchStreams } from './gates/watch-streams.ts';
import type { HttpEnv } from './http-env.ts';
import type { KeyVerdicts } from './key-verdicts.ts';
import { defectError, problemResponse } from './problem.ts';
import { createReadiness, isAlive, onlyRead } from './probes.ts';
import type { RequestMetrics } from './request-metrics.ts';
import type { ServeEnv } from './serve-env.ts';
import type { Slots } from './slots.ts';

const MCP_PATH = '/mcp';

/** What answers behind the gates. */
export interface Endpoints {
  readonly mcp: { fetch(request: Request, caller: Caller): Promise<Response> };
  readonly rest: Hono<HttpEnv>;
  /** Prometheus text. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface HttpAppParts extends Endpoints {
  readonly settings: Config['http'];
  readonly isKeyRequired: boolean;
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  readonly keys: KeyVerdicts;
  readonly requests: Slots;
  readonly streams: Slots;
  readonly requestMetrics: RequestMetrics;
  readonly isDraining: () => boolean;
}

/**
 * Everything that is served, behind its gates. Their order matters: what is cheap to refuse is refused first, and nothing
 * is read of a body before it is known who sends it.
 */
export function createHttpApp(parts: HttpAppParts): Hono<ServeEnv> {
  const { settings, logger, mcp } = parts;
  const app = new Hono<ServeEnv>();
  app.use(observe({ ...parts, metrics: parts.requestMetrics }));
  // Those who ask whether the process lives have no key, and reach it by an address of the moment.
  app.get('/healthz', isAlive);
  app.get('/readyz', createReadiness(parts));
  for (const path of ['/healthz', '/readyz']) app.all(path, onlyRead);
  app.use(
    refuseForeign(createAllowLists(settings)),
    letIn(parts),
    limitRate(settings.ratePerSecond),
    admit(parts),
    readBody({ ...settings, isKept: (c) => c.req.path === MCP_PATH }),
    watchStreams(parts),
  );
  app.all(MCP_PATH, (c) => mcp.fetch(c.req.raw, c.get('caller')));
  app.get('/metrics', async (c) => {
    const caller = c.get('caller');
    if (!seesInstallation(caller)) return problemResponse(c, OF_THE_INSTALLATION, 403);
    if (!caller.scopes.has('runs:read')) return problemResponse(c, missingScope('runs:read'));
    const { contentType, text } = await parts.metrics();
    return c.body(text, 200, { 'content-type': contentType });
  });
  app.all('/metrics', onlyRead);
  app.route('/api/v1', parts.rest);
  app.notFound((c) => problemResponse(c, UNKNOWN_PATH));
  app.onError((error, c) => {
    const reference = c.get('requestId');
    logger.error({ requestId: reference, error: error.stack ?? error.message }, 'a request failed');
    return problemResponse(c, defectError(reference));
  });
  return app;
}

const OF_THE_INSTALLATION = {
  code: 'not_for_this_tenant',
  message: 'These figures are of the whole installation, which keys of this tenant are not shown.',
  changed: 'nothing',
  next: 'GET /api/v1/health tells what concerns this tenant.',
} as const;

const UNKNOWN_PATH = {
  code: 'not_found',
  message: 'Nothing is served under this path.',
  changed: 'nothing',
  next: 'MCP is at /mcp, REST at /api/v1 (described at /api/v1/openapi.json).',
} as const;
