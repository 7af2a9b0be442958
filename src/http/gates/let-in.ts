import type { Context, MiddlewareHandler } from 'hono';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { LOCAL_CALLER, type Caller } from '../../application/access.ts';
import type { UseCaseError } from '../../application/use-case.ts';
import type { KeyVerdicts } from '../key-verdicts.ts';
import { problemResponse } from '../problem.ts';
import type { ServeEnv } from '../serve-env.ts';

/** RFC 6750, section 2.1; longer than any key is. */
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]{1,1024}=*)$/i;
/** Keys that the store is asked for in vain, of one address in a second. */
const MAX_REFUSALS_PER_SECOND = 50;

export interface LetInOptions {
  readonly keys: KeyVerdicts;
  /** Without a key nobody is let in. Else who brings none is the local user. */
  readonly isKeyRequired: boolean;
}

/**
 * Decides who calls. A key is taken from the header `Authorization` only, and one that is given is checked even where
 * none is asked for. The store is asked again within a second, so that a revoked key is refused.
 */
export function letIn({ keys, isKeyRequired }: LetInOptions): MiddlewareHandler<ServeEnv> {
  const refusals = new RateLimiterMemory({ points: MAX_REFUSALS_PER_SECOND, duration: 1 });
  const holderOf = async (c: Context<ServeEnv>, key: string): Promise<Caller | Response> => {
    const address = addressOf(c);
    const spent = keys.isKnown(key) ? null : await refusals.get(address);
    if (spent !== null && spent.consumedPoints >= MAX_REFUSALS_PER_SECOND)
      return problemResponse(c, TOO_MANY_REFUSALS, 429, { 'Retry-After': '1' });
    const verdict = await keys.check(key);
    if (verdict.ok) return verdict.value;
    if (verdict.error.code === 'store_unavailable')
      return problemResponse(c, verdict.error, 503, { 'Retry-After': '1' });
    await refusals.penalty(address);
    return problemResponse(c, verdict.error, 401, challenge('invalid_token'));
  };
  return async (c, next) => {
    const header = c.req.header('authorization');
    if (header === undefined && isKeyRequired)
      return problemResponse(c, KEY_REQUIRED, 401, challenge());
    const key = BEARER.exec(header ?? '')?.[1];
    if (header !== undefined && key === undefined)
      return problemResponse(c, NO_BEARER, 401, challenge('invalid_request'));
    const caller = key === undefined ? LOCAL_CALLER : await holderOf(c, key);
    if (caller instanceof Response) return caller;
    c.set('caller', caller);
    c.set('isStillLetIn', () => isStillGood(keys, key));
    return next();
  };
}

/** A store that is away for a moment ends no stream. */
async function isStillGood(keys: KeyVerdicts, key: string | undefined): Promise<boolean> {
  if (key === undefined) return true;
  const verdict = await keys.check(key);
  return verdict.ok || verdict.error.code === 'store_unavailable';
}

/** As the connection says: what a proxy claims (X-Forwarded-For) anybody can. */
export function addressOf(c: Context<ServeEnv>): string {
  return c.env.incoming.socket.remoteAddress ?? 'unknown';
}

/** Whose share of the limits a request uses up. */
export function shareOf(c: Context<ServeEnv>): string {
  const { tenant, key } = c.get('caller');
  return key === undefined ? `address ${addressOf(c)}` : `key ${tenant}/${key.id}`;
}

/** RFC 6750, section 3; without an error where no key was given. */
function challenge(error?: 'invalid_request' | 'invalid_token'): Record<string, string> {
  return {
    'WWW-Authenticate': `Bearer realm="baton"${error === undefined ? '' : `, error="${error}"`}`,
  };
}

const MAKE_A_KEY =
  "Send the header Authorization: Bearer KEY; baton keys create NAME --scopes … makes one in the server's store.";

const KEY_REQUIRED: UseCaseError = {
  code: 'unauthenticated',
  message: 'This server asks every request for an API key, and none was sent.',
  changed: 'nothing',
  next: MAKE_A_KEY,
};

const NO_BEARER: UseCaseError = {
  code: 'unauthenticated',
  message: 'The header Authorization holds no bearer token.',
  changed: 'nothing',
  next: MAKE_A_KEY,
};

const TOO_MANY_REFUSALS: UseCaseError = {
  code: 'rate_limited',
  message: 'Too many keys of this address were refused within this second.',
  changed: 'nothing',
  next: 'Try again in a second.',
};
