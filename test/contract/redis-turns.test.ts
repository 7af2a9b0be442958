import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRedisStore } from '../../src/adapters/redis/redis-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { missingRedis, redisSuite, startRedisServer } from '../support/redis-server.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { claimTasks, commit, runKey, task } from './fixture.ts';

const LOUD = runKey('r', 'loud');

describe.skipIf(missingRedis !== undefined)(redisSuite('turns of tenants'), () => {
  let server: RedisServer | undefined;
  let stores = 0;

  beforeAll(async () => {
    server = await startRedisServer();
  });

  afterAll(async () => {
    await server?.remove();
  });

  async function withStore(test: (store: Store) => Promise<void>): Promise<void> {
    stores += 1;
    const url = `${server?.url ?? ''}?prefix=turns-${stores}`;
    const store = await createRedisStore({
      url,
      ids: createSeededIds(stores),
      logger: silentLogger,
    });
    try {
      await test(store);
    } finally {
      await store.close();
    }
  }

  /** What the functions remember is gone, as after a restart. */
  async function forget(): Promise<void> {
    const client = new Redis(server?.url ?? '');
    try {
      await client.function('FLUSH');
    } finally {
      client.disconnect();
    }
  }

  it('begin anew behind what waits when the memory of the functions is lost', async () => {
    await withStore(async (store) => {
      await commit(store, LOUD, 0, { enqueue: [task('a1'), task('a2'), task('a3')] });
      await forget();
      await commit(store, LOUD, 1, { enqueue: [task('a4'), task('a5'), task('a6')] });
      await commit(store, runKey('r', 'quiet'), 0, { enqueue: [task('b1')] });
      const slots = (await claimTasks(store)).map(({ slot }) => slot);
      expect(slots.filter((slot) => slot.startsWith('a'))).toEqual(
        [1, 2, 3, 4, 5, 6].map((at) => `a${at}`),
      );
      // In the first round of those that came after the loss.
      expect([3, 4]).toContain(slots.indexOf('b1'));
    });
  });

  it('hold exact places far from zero: all three priorities of numbers that follow the clock', async () => {
    await withStore(async (store) => {
      const tasks = (['low', 'normal', 'high'] as const).flatMap((priority) =>
        Array.from({ length: 40 }, (_, at) => ({ ...task(`${priority}-${at}`), priority })),
      );
      await commit(store, LOUD, 0, { enqueue: tasks });
      const slots = (await claimTasks(store, { limit: 120 })).map(({ slot }) => slot);
      expect(slots).toEqual(
        ['high', 'normal', 'low'].flatMap((priority) =>
          Array.from({ length: 40 }, (_, at) => `${priority}-${at}`),
        ),
      );
    });
  });
});
