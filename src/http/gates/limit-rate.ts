import type { MiddlewareHandler } from 'hono';
import { BurstyRateLimiter, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { problemResponse } from '../problem.ts';
import type { ServeEnv } from '../serve-env.ts';
import { sharerOf } from './let-in.ts';

const BURST_SECONDS = 10;
/** What a burst may have beyond the rate, in seconds of it. */
const BURST = 4;
const MS_PER_SECOND = 1_000;

/** Bounds requests a second of one caller, with a burst now and then; who is beyond is told when to come again. */
export function limitRate(ratePerSecond: number): MiddlewareHandler<ServeEnv> {
  const limiter = new BurstyRateLimiter(
    new RateLimiterMemory({ keyPrefix: 'rate', points: ratePerSecond, duration: 1 }),
    new RateLimiterMemory({
      keyPrefix: 'burst',
      points: ratePerSecond * BURST,
      duration: BURST_SECONDS,
    }),
  );
  return async (c, next) => {
    const waitMs = await limiter.consume(sharerOf(c).id).then(() => undefined, waitOf);
    if (waitMs === undefined) return next();
    const seconds = String(Math.max(1, Math.ceil(waitMs / MS_PER_SECOND)));
    return problemResponse(
      c,
      {
        code: 'rate_limited',
        message: `More than ${ratePerSecond} requests a second came from this caller.`,
        changed: 'nothing',
        next: `Try again in ${seconds} s. To wait for a run ask once with a wait instead of often without.`,
      },
      429,
      { 'Retry-After': seconds },
    );
  };
}

function waitOf(refusal: unknown): number {
  if (refusal instanceof RateLimiterRes) return refusal.msBeforeNext;
  throw refusal;
}
