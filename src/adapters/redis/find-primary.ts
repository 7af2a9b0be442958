import type { RedisOptions } from 'ioredis';
import { describeFailure } from './redis-failure.ts';
import { openConnection } from './open-connection.ts';

/** A Sentinel has little to do: who takes longer is gone, and the connection to the primary needs time too. */
const SENTINEL_TIMEOUT_MS = 1_000;

type Sentinel = NonNullable<RedisOptions['sentinels']>[number];

/**
 * Where the primary is, by what this Sentinel says. The driver's own Sentinel client is not used: it hides why a Sentinel
 * cannot be reached, and asks them one after the other.
 */
export async function findPrimary(
  options: RedisOptions,
  sentinel: Sentinel,
): Promise<{ readonly host: string; readonly port: number }> {
  const { host = 'localhost', port = 26_379 } = sentinel;
  try {
    return await ask({ ...accessOf(options), host, port }, options.name ?? '');
  } catch (error) {
    throw new Error(`sentinel ${host}:${port}: ${describeFailure(error)}`, { cause: error });
  }
}

function accessOf({ sentinelUsername, sentinelPassword, sentinelTLS }: RedisOptions): RedisOptions {
  return {
    ...(sentinelUsername !== undefined && { username: sentinelUsername }),
    ...(sentinelPassword !== undefined && { password: sentinelPassword }),
    ...(sentinelTLS && { tls: sentinelTLS }),
  };
}

async function ask(options: RedisOptions, name: string): Promise<{ host: string; port: number }> {
  const { redis } = await openConnection(options, { timeoutMs: SENTINEL_TIMEOUT_MS });
  const deadline = setTimeout(() => redis.disconnect(), SENTINEL_TIMEOUT_MS);
  try {
    const reply = await redis.call('sentinel', 'get-master-addr-by-name', name);
    if (!Array.isArray(reply)) throw new Error(`it knows no primary named ${name}`);
    return { host: String(reply[0]), port: Number(reply[1]) };
  } finally {
    clearTimeout(deadline);
    redis.disconnect();
  }
}
