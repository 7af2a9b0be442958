import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRedisStore } from '../../src/adapters/redis/redis-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { missingRedis, redisSuite, startRedisServer } from '../support/redis-server.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { claimTask, command, commit, events, request, runKey, task } from './fixture.ts';

const RUNS = Array.from({ length: 40 }, (_, at) => runKey(`run-${at}`));
const [FIRST = runKey(''), SECOND = runKey(''), THIRD = runKey('')] = RUNS;

/** Commits of one turn of the event loop: commit-groups.ts. */
describe.skipIf(missingRedis !== undefined)(redisSuite('commits that travel together'), () => {
  let server: RedisServer;
  let store: Store;
  let seed = 0;

  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(async () => {
    await server.remove();
  });
  beforeEach(async () => {
    await server.command('FLUSHALL');
    seed += 1;
    const ids = createSeededIds(seed);
    store = await createRedisStore({ url: server.url, ids, logger: silentLogger });
    return () => store.close();
  });

  async function calls(work: () => Promise<unknown>): Promise<number> {
    await server.command('CONFIG', 'RESETSTAT');
    await work();
    const stats = String(await server.command('INFO', 'commandstats'));
    return Number(/cmdstat_fcall:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  }

  const feed = async (): Promise<unknown> => {
    // Each entry is its id and its fields.
    const entries = (await server.command('XRANGE', 'baton:{0}:feed', '-', '+')) as unknown[][];
    return entries.map(([, fields]) => fields);
  };

  it('keep no more entries of the feed than the store was told, whoever writes them', async () => {
    const options = { url: server.url, ids: createSeededIds(9_000 + seed), logger: silentLogger };
    const small = await createRedisStore({ ...options, maxFeedEntries: 100 });
    const run = runKey('one');
    for (let version = 0; version < 250; version += 1)
      await commit(small, run, version, { events: events(version + 1, version + 1) });
    await small.close();
    const entries = Number(await server.command('XLEN', 'baton:{0}:feed'));
    // Redis removes whole nodes of its own, of 100 entries.
    expect(entries).toBeGreaterThanOrEqual(100);
    expect(entries).toBeLessThan(200);
  });

  it('are one call for those of one turn, up to a bound, and each is answered', async () => {
    const start = (): Promise<unknown> =>
      Promise.all(RUNS.map((key) => commit(store, key, 0, { events: events(1, 2) })));
    expect(await calls(start)).toBe(Math.ceil(RUNS.length / 16));
    for (const key of RUNS) expect((await store.load(key))?.version).toBe(2);
  });

  it.each([
    ['plain text', 'plain'],
    ['what has more bytes than characters', 'ü→😀'],
  ])('arrive as they are: %s', async (_, text) => {
    const written = RUNS.map(({ runId }) => JSON.stringify({ runId, text }));
    await Promise.all(
      RUNS.map((key, at) => commit(store, key, 0, { events: [written[at] ?? ''] })),
    );
    const read = await Promise.all(RUNS.map((key) => store.readHistory(key, 1, 10)));
    expect(read.flat()).toEqual(written);
  });

  it('are checked each alone: one conflicts, one repeats, one has lost its lease, the others pass', async () => {
    await commit(store, FIRST, 0, { enqueue: [task('a')] });
    await commit(store, SECOND, 0, { commands: [command({ id: 'known', answer: 7 })] });
    const { lease } = await claimTask(store);
    const lost = { ...lease, fence: lease.fence - 1 };
    const results = await Promise.all([
      store.commit(request(FIRST, 1, { commands: [command({ id: 'c', acknowledge: lost })] })),
      store.commit(request(SECOND, 1, { commands: [command({ id: 'known' })] })),
      store.commit(request(THIRD, 5)),
      store.commit(request(runKey('new'), 0)),
    ]);
    expect(results).toEqual([
      { kind: 'leaseLost', commandId: 'c' },
      { kind: 'duplicate', commandId: 'known', answer: 7 },
      { kind: 'versionConflict', actualVersion: 0 },
      { kind: 'committed', version: 1, leases: [undefined] },
    ]);
    expect(await feed()).toHaveLength(3);
  });

  it('fail alone when a key of theirs holds what is not its own, and have written nothing', async () => {
    await commit(store, FIRST, 0);
    await server.command('SET', 'baton:{0}:ow:bad', 'foreign');
    await server.command('SET', 'baton:{0}:h:4:acme:run-1', 'foreign');
    const results = await Promise.all([
      store.commit(request(FIRST, 1, { enqueue: [task('a', { queue: 'bad' }), task('b')] })),
      store.commit(request(SECOND, 0)),
      store.commit(request(THIRD, 0)),
    ]);
    expect(results.map(({ kind }) => kind)).toEqual([
      'storeUnavailable',
      'storeUnavailable',
      'committed',
    ]);
    expect(results[0]).toMatchObject({ reason: expect.stringContaining('WRONGTYPE') as string });
    expect((await store.load(FIRST))?.version).toBe(1);
    expect((await store.openWork(FIRST)).tasks).toEqual([]);
  });

  it('never hold two of one run: they go one after the other, in order', async () => {
    const both = (): Promise<unknown> =>
      Promise.all([commit(store, FIRST, 0), commit(store, FIRST, 1), commit(store, SECOND, 0)]);
    expect(await calls(both)).toBe(2);
    expect((await store.load(FIRST))?.version).toBe(2);
  });

  it('are split where they are large', async () => {
    const large = ['x'.repeat(200_000)];
    const both = (): Promise<unknown> =>
      Promise.all([FIRST, SECOND].map((key) => commit(store, key, 0, { events: large })));
    expect(await calls(both)).toBe(2);
  });

  it('leave one entry in the feed that tells each run and where its new events begin', async () => {
    await commit(store, FIRST, 0, { events: events(1, 3) });
    await Promise.all([
      commit(store, FIRST, 3, { events: events(4, 4) }),
      commit(store, runKey('a:b', 'tenänt'), 0, { events: events(1, 2) }),
      commit(store, FIRST, 4, { events: [] }),
    ]);
    expect(await feed()).toEqual([
      ['4:acme:run-0', '0:3'],
      ['4:acme:run-0', '3:1', '7:tenänt:a:b', '0:2'],
    ]);
  });
});
