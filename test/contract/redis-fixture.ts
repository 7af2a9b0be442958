import { createRedisStore } from '../../src/adapters/redis/redis-store.ts';
import type { Logger } from '../../src/ports/logger.ts';
import type { Store } from '../../src/ports/store.ts';
import { startRedisServer, type RedisServer } from '../support/redis-server.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';

const endings: (() => Promise<void>)[] = [];
let seed = 0;

/** For `afterEach`: what was begun last ends first. */
export async function endAll(): Promise<void> {
  for (const end of endings.splice(0).reverse()) await end();
}

export function atEnd(end: () => Promise<void>): void {
  endings.push(end);
}

/** A server of the test's own. */
export async function startServer(...settings: string[]): Promise<RedisServer> {
  const server = await startRedisServer(...settings);
  atEnd(() => server.remove());
  return server;
}

/** With Redis's own time, as in production; each store has ids of its own. */
export async function open(url: string, logger: Logger = silentLogger): Promise<Store> {
  seed += 1;
  const store = await createRedisStore({ url, ids: createSeededIds(seed), logger });
  atEnd(() => store.close());
  return store;
}
