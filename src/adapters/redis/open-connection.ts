import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import { describeFailure, replyCode } from './redis-failure.ts';
import { parseInfo } from './reply.ts';
import { SelectError, signOn } from './sign-on.ts';
import type { SignOn } from './sign-on.ts';

const CONNECT_TIMEOUT_MS = 2_000;
const KEEP_ALIVE_MS = 15_000;

export interface OpenConnection extends SignOn {
  readonly redis: Redis;
  /** Why it ended, or what went wrong last. */
  readonly reason: () => string;
}

export interface Expectations {
  /** From here until the server has answered. Default 2,000. */
  readonly timeoutMs?: number;
  /** A Sentinel may name a server that is none any more. */
  readonly mustBePrimary?: boolean;
}

/**
 * A connection to a server that answers, lets this user in and has read its data, in the database of the options. It is not
 * mended when it breaks. Rejects with a plain error: the driver's own carries the password.
 */
export async function openConnection(
  { username, password, db, ...options }: RedisOptions,
  { timeoutMs = CONNECT_TIMEOUT_MS, mustBePrimary = false }: Expectations = {},
): Promise<OpenConnection> {
  const redis = new Redis({
    ...options,
    connectTimeout: timeoutMs,
    keepAlive: KEEP_ALIVE_MS,
    lazyConnect: true,
    // Every reply has the same shape on every server.
    protocol: 2,
    disableClientInfo: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // The driver's own waits for a server that reads its data, and does not say why.
    enableReadyCheck: false,
    retryStrategy: null,
    maxRetriesPerRequest: null,
  });
  let reason = 'the connection was closed';
  redis.on('error', (error: Error) => {
    reason = error.message;
  });
  // A server that takes the connection and says nothing is none.
  const deadline = setTimeout(() => {
    redis.emit('error', new Error(`no answer within ${timeoutMs} ms`));
    redis.disconnect();
  }, timeoutMs);
  try {
    await redis.connect();
    const signedOn = await signOn(redis, { username, password, db });
    const trouble = await findTrouble(redis, mustBePrimary);
    if (trouble === undefined) return { redis, reason: () => reason, ...signedOn };
    reason = trouble;
  } catch (error) {
    // Else the reason comes by the event; the error of connect() only says that the connection is closed.
    if (error instanceof SelectError || replyCode(error) !== undefined)
      reason = describeFailure(error);
  } finally {
    clearTimeout(deadline);
  }
  // Once more would wait two seconds for a stream that never was.
  if (redis.status !== 'end') redis.disconnect();
  throw new Error(reason);
}

async function findTrouble(redis: Redis, mustBePrimary: boolean): Promise<string | undefined> {
  const facts = parseInfo(await readInfo(redis));
  if (facts.get('loading') === '1')
    return `LOADING the server is reading its data, some ${facts.get('loading_eta_seconds') ?? '?'} s more`;
  const role = facts.get('role') ?? 'master';
  if (mustBePrimary && role !== 'master')
    return `READONLY the Sentinel names a server that is a ${role} now`;
  return undefined;
}

/** A user who may not ask finds out by the commands that are to come. */
async function readInfo(redis: Redis): Promise<string> {
  try {
    return await redis.info();
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return '';
    throw error;
  }
}
