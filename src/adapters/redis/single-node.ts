import type { Logger } from '../../ports/logger.ts';
import { RedisClient } from './redis-client.ts';
import { RedisConnection } from './redis-connection.ts';
import type { RedisNodes } from './redis-nodes.ts';
import type { RedisAddress } from './redis-url.ts';

/** One server, or the present primary that the Sentinels name. Rejects with what went wrong. */
export async function connectSingleNode(
  { options }: RedisAddress,
  logger: Logger,
): Promise<RedisNodes> {
  const connection = new RedisConnection(options, logger);
  try {
    await connection.connect();
  } catch (error) {
    connection.close();
    throw error;
  }
  return {
    send: (_, name, args, isBinary) => connection.call(name, args, isBinary),
    each: () => [(name, args, isBinary) => connection.call(name, args, isBinary)],
    groups: (shardCount) => [Array.from({ length: shardCount }, (_, shard) => shard)],
    connect: () => RedisClient.connect(options),
    onReplaced: (listener) => connection.onReplaced(listener),
    close: () => connection.close(),
  };
}
