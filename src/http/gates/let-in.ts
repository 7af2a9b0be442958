import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Context, MiddlewareHandler } from 'hono';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { LOCAL_CALLER, type Caller } from '../../application/access/access.ts';
import { tenantHintOf } from '../../application/access/key-text.ts';
import type { UseCaseError } from '../../application/use-case.ts';
import type { KeyVerdicts } from '../key-verdicts.ts';
import { networkOf } from '../network-of.ts';
import { problemResponse } from '../problem.ts';
import type { ServeEnv } from '../serve-env.ts';
import type { Sharer } from '../shared-budget.ts';

/** RFC 6750, section 2.1; longer than any key is. */
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]{1,1024}=*)$/i;
/** Keys that the store is asked for in vain, of one address in a second. */
const MAX_REFUSALS_PER_SECOND = 50;
/** What only a proxy sets, or who wants to seem one. */
const OF_A_PROXY = /^(?:forwarded|via|x-real-ip|x-forwarded-.+)$/;

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
  const mayAsk = createAskLimit();
  const holderOf = async (c: Context<ServeEnv>, key: string): Promise<Caller | Response> => {
    // Looked at first: what strangers behind the same proxy send holds up nobody who has been let in.
    if (!keys.isKnown(key) && !(await mayAsk(networkOf(addressOf(c)), key)))
      return problemResponse(c, TOO_MANY_REFUSALS, 429, { 'Retry-After': '1' });
    const verdict = await keys.check(key);
    if (verdict.ok) return verdict.value;
    if (verdict.error.code === 'store_unavailable')
      return problemResponse(c, verdict.error, 503, { 'Retry-After': '1' });
    return problemResponse(c, verdict.error, 401, challenge('invalid_token'));
  };
  return async (c, next) => {
    const header = c.req.header('authorization');
    if (header === undefined && isKeyRequired)
      return problemResponse(c, KEY_REQUIRED, 401, challenge());
    if (header === undefined && isOfProxy(c.env.incoming.headers))
      return problemResponse(c, KEY_THROUGH_PROXY, 401, challenge());
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

/**
 * Whether the store is asked for a key that it does not know yet. Beyond the rate of an address a key with the form of one
 * still has a chance each second: keys are spread by their hashes, so that a stranger who does not know a good one cannot
 * aim at its place.
 */
function createAskLimit(): (address: string, key: string) => Promise<boolean> {
  const ofAddress = new RateLimiterMemory({ points: MAX_REFUSALS_PER_SECOND, duration: 1 });
  const ofPlace = new RateLimiterMemory({ points: 1, duration: 1 });
  return async (address, key) => {
    // Counted before the answer: many at once would all find room.
    const { consumedPoints } = await ofAddress.penalty(address);
    if (consumedPoints <= MAX_REFUSALS_PER_SECOND) return true;
    if (tenantHintOf(key) === undefined) return false;
    const [place] = createHash('sha256').update(key).digest();
    const spent = await ofPlace.penalty(`${place} ${address}`);
    return spent.consumedPoints <= 1;
  };
}

/** Only makes it stricter: such a header opens nothing. */
function isOfProxy(headers: IncomingHttpHeaders): boolean {
  return Object.keys(headers).some((name) => OF_A_PROXY.test(name));
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
export function sharerOf(c: Context<ServeEnv>): Sharer {
  const { tenant, key } = c.get('caller');
  const id = key === undefined ? `address ${addressOf(c)}` : `key ${tenant}/${key.id}`;
  return { tenant, id };
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

const KEY_THROUGH_PROXY: UseCaseError = {
  code: 'unauthenticated',
  message:
    'This request came through a proxy (Forwarded, X-Forwarded-*, X-Real-IP or Via), and only who is on this machine needs no key.',
  changed: 'nothing',
  next: `${MAKE_A_KEY} Behind a proxy the setting http.auth should be "required".`,
};

const NO_BEARER: UseCaseError = {
  code: 'unauthenticated',
  message: 'The header Authorization holds no bearer token.',
  changed: 'nothing',
  next: MAKE_A_KEY,
};

const TOO_MANY_REFUSALS: UseCaseError = {
  code: 'rate_limited',
  message: 'Too many keys that the store does not know came from this address within this second.',
  changed: 'nothing',
  next: 'Try again in a second; a good key gets through, and is not held up again after that.',
};
