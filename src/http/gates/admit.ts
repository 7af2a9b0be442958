import type { Context, MiddlewareHandler } from 'hono';
import { problemResponse } from '../problem.ts';
import type { ServeEnv } from '../serve-env.ts';
import type { Slots } from '../slots.ts';
import type { Exhausted } from '../shared-budget.ts';
import { sharerOf } from './let-in.ts';

export interface AdmitOptions {
  readonly requests: Slots;
  readonly streams: Slots;
  readonly isDraining: () => boolean;
}

/** Bounds what goes on at once. A slot is held until the response has been sent or the connection is gone. */
export function admit({
  requests,
  streams,
  isDraining,
}: AdmitOptions): MiddlewareHandler<ServeEnv> {
  return async (c, next) => {
    if (isDraining()) return problemResponse(c, SHUTTING_DOWN, 503, { 'Retry-After': '5' });
    const isStream = asksForStream(c);
    const release = (isStream ? streams : requests).take(sharerOf(c));
    if (typeof release === 'string') return tooMany(c, release, isStream);
    const { outgoing } = c.env;
    if (outgoing.closed) release();
    else outgoing.once('close', release);
    return next();
  };
}

/** Known before anything is read: what a client asks for that stays open until somebody ends it. */
export function asksForStream(c: Context<ServeEnv>): boolean {
  return c.req.method === 'GET'
    ? c.req.header('accept')?.includes('text/event-stream') === true
    : c.req.header('mcp-method') === 'subscriptions/listen';
}

function tooMany(c: Context<ServeEnv>, whose: Exhausted, isStream: boolean): Response {
  const what = isStream ? 'event streams' : 'requests';
  const setting = isStream ? 'http.maxStreams' : 'http.maxRequests';
  const isOwn = whose !== 'all';
  return problemResponse(
    c,
    {
      code: !isOwn ? 'server_busy' : isStream ? 'too_many_streams' : 'too_many_requests',
      message: isOwn
        ? `This ${whose === 'tenant' ? "caller's tenant" : 'caller'} has as many ${what} open at once as it may.`
        : `The server has as many ${what} open at once as it may.`,
      changed: 'nothing',
      next: `Try again when one of them has ended; the setting ${setting} bounds them.`,
    },
    isOwn ? 429 : 503,
    { 'Retry-After': '1' },
  );
}

const SHUTTING_DOWN = {
  code: 'shutting_down',
  message: 'The server is shutting down.',
  changed: 'nothing',
  next: 'Send the request again in a few seconds, when it or another one is there.',
} as const;
