import { afterAll, beforeAll, describe } from 'vitest';
import { createRedisStore } from '../../src/adapters/redis/redis-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { createManualClock } from '../support/manual-clock.ts';
import {
  missingRedis,
  redisSuite,
  startDocumentedServer,
  startRedisServer,
} from '../support/redis-server.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { FEED_ENTRIES } from './fixture.ts';
import { storeContract } from './store-contract.ts';

describe.skipIf(missingRedis !== undefined)(redisSuite('on a real server'), () => {
  let server: RedisServer | undefined;
  let documented: RedisServer | undefined;
  let stores = 0;

  beforeAll(async () => {
    [server, documented] = await Promise.all([startRedisServer(), startDocumentedServer()]);
  });

  afterAll(async () => {
    await server?.remove();
    await documented?.remove();
  });

  /** The user of docs/redis.conf may touch what begins with `baton:` only. */
  const places = {
    1: () => `${server?.url ?? ''}?prefix=store-${stores}`,
    4: () =>
      `${documented?.url.replace('//', '//baton:change-this@localhost') ?? ''}?prefix=baton:${stores}`,
  };

  for (const shards of [1, 4] as const) {
    storeContract(`Redis store of ${shards} shard(s)`, async () => {
      stores += 1;
      // A prefix of its own is an empty store of its own.
      const url = places[shards]();
      const clock = createManualClock();
      const ids = createSeededIds(stores);
      const opened: Store[] = [];
      const open = async (): Promise<Store> => {
        const maxFeedEntries = FEED_ENTRIES;
        const options = { url, shards, clock, ids, logger: silentLogger, maxFeedEntries };
        const store = await createRedisStore(options);
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
