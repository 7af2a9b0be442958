import { afterAll, beforeAll, describe } from 'vitest';
import { createRedisStore } from '../../src/adapters/redis/redis-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { missingRedis, redisSuite, startRedisServer } from '../support/redis-server.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { storeContract } from './store-contract.ts';

describe.skipIf(missingRedis !== undefined)(redisSuite('on a real server'), () => {
  let server: RedisServer | undefined;
  let stores = 0;

  beforeAll(async () => {
    server = await startRedisServer();
  });

  afterAll(async () => {
    await server?.remove();
  });

  for (const shards of [1, 4]) {
    storeContract(`Redis store of ${shards} shard(s)`, async () => {
      stores += 1;
      // A prefix of its own is an empty store of its own.
      const url = `${server?.url ?? ''}?prefix=store-${stores}`;
      const clock = createManualClock();
      const ids = createSeededIds(stores);
      const opened: Store[] = [];
      const open = async (): Promise<Store> => {
        const store = await createRedisStore({ url, shards, clock, ids, logger: silentLogger });
        opened.push(store);
        return store;
      };
      return {
        store: await open(),
        clock,
        another: open,
        close: async () => {
          await Promise.all(opened.map((store) => store.close()));
        },
      };
    });
  }
});
