import type { Redis, RedisOptions } from 'ioredis';
import { describeFailure, replyCode } from './redis-failure.ts';

const CONNECTION_NAME = 'baton';
/** Also of a server too old for user names, which the check of its version refuses. */
const NEEDS_NO_PASSWORD =
  /without any password configured|no password is set|wrong number of arguments for 'auth'/;

export interface SignOn {
  /** The URL has a password, and the server lets everybody in. */
  readonly needsNoPassword: boolean;
}

/**
 * Who is there, and in which database: resolves only when the connection is that of the user and in the database. The
 * driver's own goes on in database 0 when SELECT fails, and writes its warnings to the terminal. Rejects with a plain
 * error, which names the database, or with what Redis answered.
 */
export async function signOn(
  redis: Redis,
  { username, password, db = 0 }: RedisOptions,
): Promise<SignOn> {
  // All at once, for each answer may have a long way.
  const asked =
    typeof password === 'string' ? isAsked(redis, username ?? undefined, password) : undefined;
  const selected = db === 0 ? undefined : select(redis, db);
  const named = setName(redis);
  await Promise.allSettled([asked, selected, named]);
  const needsNoPassword = (await asked) === false;
  await selected;
  await named;
  return { needsNoPassword };
}

/** Whether the server asks for a password. */
async function isAsked(
  redis: Redis,
  username: string | undefined,
  password: string,
): Promise<boolean> {
  try {
    await (username === undefined ? redis.auth(password) : redis.auth(username, password));
    return true;
  } catch (error) {
    if (NEEDS_NO_PASSWORD.test(describeFailure(error))) return false;
    throw error;
  }
}

async function select(redis: Redis, db: number): Promise<void> {
  try {
    await redis.select(db);
  } catch (error) {
    const code = replyCode(error);
    if (code === undefined || code === 'NOAUTH') throw error;
    // Without the driver's error, which carries the command.
    throw new SelectError(`database ${db}: ${describeFailure(error)}`);
  }
}

/** The connection is not in the database that the URL names. */
export class SelectError extends Error {}

/** For people who look at the server; a user who may not works as well without. */
async function setName(redis: Redis): Promise<void> {
  try {
    await redis.client('SETNAME', CONNECTION_NAME);
  } catch (error) {
    if (replyCode(error) === undefined) throw error;
  }
}
