import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRedisStore } from '../../src/adapters/redis/redis-store.ts';
import type { Store } from '../../src/ports/store.ts';
import type { Lease } from '../../src/ports/work-source.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { missingRedis, redisSuite, startRedisServer } from '../support/redis-server.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';
import {
  claimEngineWork,
  claimTask,
  claimTasks,
  command,
  commit,
  LEASE_MS,
  present,
  runKey,
  task,
} from './fixture.ts';

const RUN = runKey('run-1');

/** What stands in the lines and records behind the port: functions/items.lua. */
describe.skipIf(missingRedis !== undefined)(redisSuite('the lines of the Redis store'), () => {
  let server: RedisServer;
  let store: Store;
  let clock: ReturnType<typeof createManualClock>;
  let seed = 0;

  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(async () => {
    await server.remove();
  });
  beforeEach(async () => {
    await server.command('FLUSHALL');
    clock = createManualClock();
    seed += 1;
    const ids = createSeededIds(seed);
    store = await createRedisStore({ url: server.url, ids, clock, logger: silentLogger });
    return () => store.close();
  });

  const leased = async (queue = 'q'): Promise<unknown> =>
    server.command('ZRANGE', `baton:{0}:ol:${queue}`, '0', '-1', 'WITHSCORES');
  /** Fields of the run's hash that are open work; `k` only while a task stands there. */
  async function fields(): Promise<readonly string[]> {
    const key = 'baton:{0}:r:4:acme:run-1';
    // Redis answers HGETALL with names and values in turns.
    const all = (await server.command('HGETALL', key)) as string[];
    return all
      .filter((name, at) => at % 2 === 0 && /^([tbfdmn]:|k$)/.test(name) && all[at + 1] !== '')
      .sort();
  }

  /** From one slot to the next; the run is at `version`. */
  async function handOn(
    lease: Lease,
    version: number,
    slot: string,
    queue = 'q',
    attempt = 1,
  ): Promise<Lease> {
    const continueWith = task(slot, { queue, attempt });
    const { leases } = await commit(store, RUN, version, {
      commands: [command({ acknowledge: lease, continueWith })],
    });
    return present(leases[0]);
  }

  async function start(...slots: readonly string[]): Promise<void> {
    await commit(store, RUN, 0, { enqueue: slots.map((slot) => task(slot)) });
  }

  it('are left alone by a renewal, and a claim puts back what it finds too early', async () => {
    await start('a');
    const { lease } = await claimTask(store);
    const before = await leased();
    await clock.advance(LEASE_MS - 1);
    await store.renew(lease, LEASE_MS);
    expect(await leased()).toEqual(before);
    await clock.advance(1);
    expect(await claimTasks(store, { owner: 'worker-2' })).toEqual([]);
    const endsAtMs = clock.now() - 1 + LEASE_MS;
    expect(await leased()).toEqual(['1:a:4:acme:run-1', String(endsAtMs)]);
    await clock.advance(LEASE_MS - 1);
    expect(await claimTask(store, 'worker-2')).toMatchObject({ slot: 'a', delivery: 2 });
  });

  it('are told of a lease that ends sooner than before', async () => {
    await start('a');
    const { lease } = await claimTask(store);
    await store.renew(lease, 1_000);
    await clock.advance(1_000);
    expect(await claimTask(store, 'worker-2')).toMatchObject({ slot: 'a', delivery: 2 });
  });

  it('let one whose lease ended pass by many that were renewed', async () => {
    const slots = Array.from({ length: 300 }, (_, at) => `s${at}`);
    await start(...slots, 'last');
    const claimed = await claimTasks(store, { limit: 301 });
    for (const { lease, slot } of claimed)
      if (slot !== 'last') await store.renew(lease, 2 * LEASE_MS);
    await clock.advance(LEASE_MS);
    const depths = await store.queueDepths();
    expect(depths).toMatchObject([{ waiting: 1, leased: 300 }]);
    expect(await claimTask(store, 'worker-2')).toMatchObject({ slot: 'last', delivery: 2 });
  });

  it('bound what one claim puts back, and tell it to come again at once', async () => {
    await start(...Array.from({ length: 300 }, (_, at) => `s${at}`), 'last');
    for (const { lease, slot } of await claimTasks(store, { limit: 301 }))
      if (slot !== 'last') await store.renew(lease, 2 * LEASE_MS);
    await clock.advance(LEASE_MS);
    const ask = { owner: 'worker-2', queues: ['q'], limit: 1, leaseDurationMs: LEASE_MS };
    const found: string[] = [];
    for (let claims = 0; found.length === 0 && claims < 4; claims += 1) {
      const { work, nextDueAtMs } = await store.claimTasks(ask);
      found.push(...work.map(({ slot }) => slot));
      if (work.length === 0) expect(nextDueAtMs).toBe(clock.now());
    }
    expect(found).toEqual(['last']);
  });

  it('keep the place of a lease that is handed on within its queue, to its end', async () => {
    await start('a');
    const before = await claimTask(store).then(async ({ lease }) => ({
      lease,
      line: await leased(),
    }));
    const b = await handOn(before.lease, 1, 'b');
    const c = await handOn(b, 2, 'c');
    expect(await leased()).toEqual(before.line);
    expect((await store.openWork(RUN)).tasks).toMatchObject([{ slot: 'c', deliveries: 1 }]);
    expect(await store.queueDepths()).toMatchObject([{ waiting: 0, leased: 1 }]);
    await commit(store, RUN, 3, { commands: [command({ acknowledge: c })] });
    expect([await leased(), await fields()]).toEqual([[], []]);
  });

  it('redeliver the slot that holds the lease now, under its own name', async () => {
    await start('a');
    const b = await handOn((await claimTask(store)).lease, 1, 'b');
    await store.renew(b, LEASE_MS, { half: true });
    await clock.advance(LEASE_MS);
    const again = await claimTask(store, 'worker-2');
    expect(again).toMatchObject({ slot: 'b', delivery: 2, heartbeat: { half: true } });
    expect(await leased()).toEqual(['1:b:4:acme:run-1', String(clock.now() + LEASE_MS)]);
    await store.release(again.lease);
    expect([await leased(), await fields()]).toEqual([[], ['b:b', 'k']]);
  });

  it.each(['enqueued', 'handed on'])(
    'give a lease its own name when its old slot is %s anew',
    async (how) => {
      await start('a', 'x');
      const [a, x] = (await claimTasks(store)).map(({ lease }) => lease);
      const b = await handOn(present(a), 1, 'b');
      if (how === 'enqueued') await commit(store, RUN, 2, { enqueue: [task('a', { attempt: 2 })] });
      else await handOn(present(x), 2, 'a', 'q', 2);
      if (how === 'enqueued') expect(await claimTasks(store)).toMatchObject([{ slot: 'a' }]);
      await commit(store, RUN, 3, { commands: [command({ acknowledge: b })] });
      await clock.advance(LEASE_MS);
      const left = (await claimTasks(store, { owner: 'worker-2' })).map((one) => [
        one.slot,
        one.attempt,
      ]);
      expect(left.sort()).toEqual(
        how === 'enqueued'
          ? [
              ['a', 2],
              ['x', 1],
            ]
          : [['a', 2]],
      );
    },
  );

  it('follow a lease to the slot it came from, and to another queue', async () => {
    await start('a');
    const b = await handOn((await claimTask(store)).lease, 1, 'b');
    const a = await handOn(b, 2, 'a', 'q', 2);
    expect(await fields()).toEqual(['k']);
    const c = await handOn(await handOn(a, 3, 'c'), 4, 'd', 'other');
    expect([await leased(), await fields()]).toEqual([[], ['k']]);
    await clock.advance(LEASE_MS);
    expect(await claimTasks(store, { queues: ['other'] })).toMatchObject([{ slot: c.id }]);
  });

  it('hold what was handed on after its recall too', async () => {
    await start('a');
    const b = await handOn((await claimTask(store)).lease, 1, 'b');
    await commit(store, RUN, 2, { recall: ['b'] });
    expect(await leased()).toEqual([]);
    expect(await store.renew(b, LEASE_MS)).toMatchObject({ cancelRequested: true });
    await clock.advance(LEASE_MS);
    expect(await claimEngineWork(store)).toMatchObject([{ kind: 'recalled', slot: 'b' }]);
  });

  it('lose no lease when two of one commit change places', async () => {
    await start('a', 'b');
    const [a, b] = (await claimTasks(store)).map(({ lease }) => lease);
    const c = await handOn(present(a), 1, 'c');
    const swap = [
      command({ acknowledge: present(b), continueWith: task('a', { attempt: 2 }) }),
      command({ acknowledge: c, continueWith: task('b', { attempt: 2 }) }),
    ];
    await commit(store, RUN, 2, { commands: swap });
    await clock.advance(LEASE_MS);
    const again = await claimTasks(store, { owner: 'worker-2' });
    expect(again.map(({ slot, attempt }) => [slot, attempt]).sort()).toEqual([
      ['a', 2],
      ['b', 2],
    ]);
  });
});
