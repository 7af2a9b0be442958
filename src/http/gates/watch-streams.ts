import type { MiddlewareHandler } from 'hono';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { ServeEnv } from '../serve-env.ts';
import { watchStream } from '../watched-stream.ts';

/** Keeps event streams alive, and ends them when their reader would not be let in any more. */
export function watchStreams({
  clock,
  logger,
}: {
  readonly clock: Clock;
  readonly logger: Logger;
}): MiddlewareHandler<ServeEnv> {
  return async (c, next) => {
    await next();
    const { res } = c;
    const isStream = res.headers.get('content-type')?.startsWith('text/event-stream') === true;
    if (!isStream || res.body === null) return;
    const requestId = c.get('requestId');
    const watched = watchStream(res.body, {
      clock,
      isAllowed: c.get('isStillLetIn'),
      onBroken: (error) =>
        logger.warn({ requestId, error: String(error) }, 'an event stream broke'),
    });
    // What stands between would collect the events that it exists to deliver.
    res.headers.set('X-Accel-Buffering', 'no');
    c.res = new Response(watched, res);
  };
}
