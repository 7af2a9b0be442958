import type { Logger } from '../../ports/logger.ts';
import { connectFailure } from './connect-failure.ts';
import { ClusterNodes } from './cluster-nodes.ts';
import type { RedisNodes } from './redis-nodes.ts';
import { RedisStoreError } from './redis-store-error.ts';
import type { RedisAddress } from './redis-url.ts';
import { connectSingleNode } from './single-node.ts';

/** Rejects with RedisStoreError that says what to change. */
export async function connectNodes(address: RedisAddress, logger: Logger): Promise<RedisNodes> {
  try {
    return address.topology === 'cluster'
      ? await ClusterNodes.connect(address, logger)
      : await connectSingleNode(address, logger);
  } catch (error) {
    throw error instanceof RedisStoreError ? error : connectFailure(error, address);
  }
}
