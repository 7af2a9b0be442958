import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { Clock } from '../../ports/clock.ts';
import type { IdSource } from '../../ports/id-source.ts';
import type { Logger } from '../../ports/logger.ts';
import type { RequestMetrics } from '../request-metrics.ts';
import type { ServeEnv } from '../serve-env.ts';

export interface ObserveOptions {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  readonly metrics: RequestMetrics;
  readonly isDraining: () => boolean;
}

/**
 * Gives each request an id (never one that the client chose), and tells the metrics and the log of it: method, template of
 * the route, status, key and time, never what was sent. The time ends with the head of the response.
 */
export function observe(options: ObserveOptions): MiddlewareHandler<ServeEnv> {
  const { clock, ids, logger, metrics, isDraining } = options;
  return async (c, next) => {
    const requestId = ids.newId();
    c.set('requestId', requestId);
    const startedAtMs = clock.now();
    await next();
    const { res } = c;
    res.headers.set('X-Request-Id', requestId);
    res.headers.set('X-Content-Type-Options', 'nosniff');
    if (!res.headers.has('Cache-Control')) res.headers.set('Cache-Control', 'no-store');
    // A connection that stays open would hold the end of the process up.
    if (isDraining()) res.headers.set('Connection', 'close');
    const { method } = c.req;
    const { status } = res;
    const ms = clock.now() - startedAtMs;
    const route = matchedRoutes(c).findLast(({ path }) => !path.includes('*'))?.path ?? 'none';
    metrics.answered({ method, route, status, ms });
    const caller = c.get('caller') as (typeof c.var)['caller'] | undefined; // absent where refused before
    const key = caller?.key?.id;
    logger.debug({ requestId, method, route, status, ms, ...(key && { key }) }, 'HTTP request');
  };
}
