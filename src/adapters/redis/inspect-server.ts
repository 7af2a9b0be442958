import type { Logger } from '../../ports/logger.ts';
import { assertServer, checksOf, durabilityOf, readAllFacts, warningsOf } from './check-server.ts';
import { connectFailure } from './connect-failure.ts';
import { connectNodes } from './connect-nodes.ts';
import { RedisStoreError } from './redis-store-error.ts';
import { parseRedisUrl, type RedisAddress } from './redis-url.ts';
import { beforeDeadline } from './start-deadline.ts';
import { metaKey } from './store-meta.ts';

export interface ServerInspection {
  /** Without the password. */
  readonly shown: string;
  readonly versions: readonly string[];
  /** Of each kind of server there is. */
  readonly durability: readonly string[];
  /** What was looked at, and what is set. */
  readonly checks: readonly string[];
  readonly warnings: readonly string[];
  /** Whether a store is there under the URL's prefix. */
  readonly hasStore: boolean;
}

/** Looks at the servers and changes nothing. Rejects within 5 s with RedisStoreError when Baton could not use them. */
export async function inspectServer(url: string, logger: Logger): Promise<ServerInspection> {
  const address = parseRedisUrl(url);
  return beforeDeadline(inspect(address, logger), address.shown, () => undefined);
}

async function inspect(address: RedisAddress, logger: Logger): Promise<ServerInspection> {
  const nodes = await connectNodes(address, logger);
  try {
    const all = await readAllFacts(nodes);
    for (const facts of all) assertServer(facts, address);
    return {
      shown: address.shown,
      versions: [...new Set(all.map(({ version }) => version))],
      durability: [...new Set(all.map(durabilityOf))],
      checks: [...new Set(all.flatMap((facts) => checksOf(facts, address)))],
      warnings: [...new Set(all.flatMap(warningsOf))],
      hasStore: (await nodes.send(0, 'exists', [metaKey(address.prefix)])) === 1,
    };
  } catch (error) {
    throw error instanceof RedisStoreError ? error : connectFailure(error, address);
  } finally {
    nodes.close();
  }
}
