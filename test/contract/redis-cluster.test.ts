import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keySlot } from '../../src/adapters/redis/key-slot.ts';
import { createRedisStore } from '../../src/adapters/redis/redis-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { freePort, startRedisCluster, until, type RedisCluster } from '../support/redis-cluster.ts';
import { missingRedis, redisSuite, startRedisServer } from '../support/redis-server.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { FEED_ENTRIES, claimTasks, command, commit, request, runKey, task } from './fixture.ts';
import { storeContract } from './store-contract.ts';

const START_MS = 30_000;

describe.skipIf(missingRedis !== undefined)(redisSuite('on a Cluster of three'), () => {
  let cluster: RedisCluster | undefined;
  let stores = 0;

  beforeAll(async () => {
    cluster = await startRedisCluster();
  }, START_MS);
  afterAll(() => cluster?.remove());

  const use = (): RedisCluster => {
    if (!cluster) throw new Error('no cluster');
    return cluster;
  };
  const open = (prefix: string, seed: number): Promise<Store> =>
    createRedisStore({
      url: `${use().url}?prefix=${prefix}`,
      ids: createSeededIds(seed),
      logger: silentLogger,
    });

  it('places a tag where the servers do', async () => {
    for (const shard of [0, 1, 7, 1_023])
      expect(await use().primaries[0]?.command('CLUSTER', 'KEYSLOT', `x:{${shard}}`)).toBe(
        keySlot(String(shard)),
      );
  });

  storeContract('Redis store', async () => {
    stores += 1;
    const prefix = `store-${stores}`;
    const clock = createManualClock();
    const ids = createSeededIds(stores);
    const opened: Store[] = [];
    const another = async (): Promise<Store> => {
      const url = `${use().url}?prefix=${prefix}`;
      const maxFeedEntries = FEED_ENTRIES;
      const options = { url, clock, ids, logger: silentLogger, maxFeedEntries };
      const store = await createRedisStore(options);
      opened.push(store);
      return store;
    };
    return {
      store: await another(),
      clock,
      another,
      close: async () => {
        await Promise.all(opened.map((store) => store.close()));
      },
    };
  });

  it('finds the others by any node of the URL that answers', async () => {
    const down = `127.0.0.1:${await freePort()}`;
    const url = use().url.replace('//', `//${down},`);
    const ids = createSeededIds(5);
    const store = await createRedisStore({ url, ids, logger: silentLogger });
    await commit(store, runKey('run-1'), 0);
    expect((await store.describe()).location).toContain(down);
    await store.close();
  });

  it('spreads runs over all nodes, and refuses the URL of a single server', async () => {
    const store = await open('spread', 1);
    for (let run = 0; run < 32; run += 1) await commit(store, runKey(`run-${run}`), 0);
    for (const primary of use().primaries)
      expect(await primary.command('KEYS', 'spread:*:h:*')).not.toEqual([]);
    expect((await store.describe()).details).toMatchObject({ nodes: 3, shards: 8 });
    await store.close();
    const url = use().url.replace('+cluster', '');
    const alone = createRedisStore({ url, ids: createSeededIds(2), logger: silentLogger });
    await expect(alone).rejects.toThrow('redis+cluster://');
    const port = await freePort();
    const single = await startRedisServer('--bind', '127.0.0.1', '--port', String(port));
    const wrong = `redis+cluster://127.0.0.1:${port}`;
    await expect(
      createRedisStore({ url: wrong, ids: createSeededIds(2), logger: silentLogger }),
    ).rejects.toThrow('this is no Cluster; write redis://');
    await single.remove();
  });

  it('follows a slot that moves, also while it moves', async () => {
    const store = await open('moving', 3);
    const [from, to] = (await holders(0)) ?? [];
    if (!from || !to) throw new Error('shard 0 is nowhere');
    const key = await runOfShardZero(store);
    const slot = String(keySlot('0'));
    const ids = await Promise.all([from, to].map((node) => node.command('CLUSTER', 'MYID')));
    await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(ids[0]));
    await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(ids[1]));
    const keys = (await from.command('CLUSTER', 'GETKEYSINSLOT', slot, '100000')) as string[]; // by its reference
    const [, port] = /tcp_port:(\d+)/.exec(String(await to.command('INFO'))) ?? [];
    await from.command('MIGRATE', '127.0.0.1', String(port), '', '0', '5000', 'KEYS', ...keys);
    // All keys are there already, and the slot is still here: what is asked for is redirected by ASK.
    expect((await store.load(key))?.version).toBe(1);
    for (const node of [to, from])
      await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', String(ids[1]));
    await commit(store, key, 1);
    expect((await store.load(key))?.version).toBe(2);
    await store.close();
  });

  it('goes on when a primary dies and its replica takes over', async () => {
    const store = await open('failover', 4);
    const keys = Array.from({ length: 24 }, (_, run) => runKey(`run-${run}`));
    for (const key of keys) await commit(store, key, 0, { enqueue: [task('a')] });
    // Acknowledged by the replica too: what a lagging one loses is another matter.
    await use().primaries[1]?.command('WAIT', '1', '5000');
    await use().primaries[1]?.stop('SIGKILL');
    const [result] = await Promise.all(
      keys.map((key) => store.commit(request(key, 1, { commands: [command({ id: 'second' })] }))),
    );
    expect(result).toBeDefined();
    for (const key of keys)
      await until(async () => {
        const again = await store.commit(
          request(key, 1, { commands: [command({ id: 'second' })] }),
        );
        return again.kind !== 'storeUnavailable';
      });
    for (const key of keys) expect((await store.load(key))?.version).toBe(2);
    expect(await claimTasks(store, { limit: 99 })).toHaveLength(24);
    await store.close();
  });

  /** The node that holds the shard, and another primary. */
  async function holders(shard: number) {
    const slot = keySlot(String(shard));
    for (const [at, primary] of use().primaries.entries()) {
      const count = await primary.command('CLUSTER', 'COUNTKEYSINSLOT', String(slot));
      if (Number(count) > 0) return [primary, use().primaries[(at + 1) % 3]] as const;
    }
    return undefined;
  }

  async function runOfShardZero(store: Store) {
    for (let run = 0; ; run += 1) {
      const key = runKey(`run-${run}`);
      await commit(store, key, 0);
      const found = await Promise.all(
        use().primaries.map((node) => node.command('KEYS', `moving:{0}:h:*${key.runId}`)),
      );
      if (found.flat().length > 0) return key;
    }
  }
});

describe.skipIf(missingRedis !== undefined)(redisSuite('a Cluster with slots missing'), () => {
  it('is refused at the start', async () => {
    const [port, busPort] = [await freePort(), await freePort()];
    const server = await startRedisServer(
      ...['--port', `${port}`, '--bind', '127.0.0.1'],
      ...['--cluster-enabled', 'yes', '--cluster-port', `${busPort}`],
    );
    await server.command('CLUSTER', 'ADDSLOTSRANGE', '0', '16000');
    const url = `redis+cluster://127.0.0.1:${port}`;
    await expect(
      createRedisStore({ url, ids: createSeededIds(1), logger: silentLogger }),
    ).rejects.toThrow(/slots.*CLUSTER INFO/);
    await server.remove();
  });
});
