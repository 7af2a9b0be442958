import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../src/ports/store.ts';
import type { RunListing } from '../../src/ports/run-store.ts';
import { missingRedis, redisSuite } from '../support/redis-server.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { commit, present, runKey } from './fixture.ts';
import { indexed, listed } from './listing.ts';
import { endAll, open, startServer } from './redis-fixture.ts';

const STATUSES = ['running', 'paused', 'completed'];

/** No line holds all runs of a tenant: functions/list.lua merges those of each status. */
describe.skipIf(missingRedis !== undefined)(redisSuite('lists of the Redis store'), () => {
  let server: RedisServer;
  let store: Store;

  beforeEach(async () => {
    server = await startServer();
    store = await open(server.url);
  });
  afterEach(endAll);

  /** Five of each start, over three statuses. */
  async function fill(): Promise<string[]> {
    const names = Array.from({ length: 40 }, (_, at) => `run-${String((at * 17) % 40)}`);
    for (const [at, name] of names.entries())
      await indexed(store, name, {
        ...{ startedAtMs: Math.floor(at / 5), name: at % 2 === 0 ? 'even' : 'odd' },
        status: present(STATUSES[at % 3]),
      });
    const starts = new Map(names.map((name, at) => [name, Math.floor(at / 5)]));
    return names.sort((a, b) => (starts.get(b) ?? 0) - (starts.get(a) ?? 0) || (a < b ? 1 : -1));
  }

  it('have one order over all statuses, page by page', async () => {
    const expected = await fill();
    for (const limit of [1, 7, 39, 40, 41])
      expect(await listed(store, { limit })).toEqual(expected);
    const odd = await listed(store, { limit: 3, name: 'odd' });
    expect(odd).toHaveLength(20);
    expect(odd).toEqual(expected.filter((name) => odd.includes(name)));
  });

  it('neither lose nor repeat a run whose status changes between two pages', async () => {
    const expected = await fill();
    const found: RunListing[] = [];
    let cursor: string | undefined;
    do {
      const page = await store.listRuns({ tenant: 'acme', limit: 3, ...(cursor && { cursor }) });
      found.push(...page.runs);
      for (const { key, ...entry } of page.runs)
        await commit(store, key, 1, { index: { ...entry, status: 'moved' } });
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(found.map(({ key }) => key.runId)).toEqual(expected);
    expect(await listed(store, { limit: 40, statuses: ['moved'] })).toEqual(expected);
  });

  it('come back whole when their lines were lost and each run is listed anew', async () => {
    const expected = await fill();
    const done = { name: 'n', status: 'done', startedAtMs: 99, finishedAtMs: 100, marks: [] };
    await commit(store, runKey('last'), 0, { index: { ...done, marks: ['has_checkpoints'] } });
    const { runs } = await store.listRuns({ tenant: 'acme', limit: 99 });
    // KEYS answers names.
    const lines = (await server.command('KEYS', 'baton:{0}:x*')) as string[];
    await server.command('DEL', 'baton:{0}:f:acme', 'baton:{0}:ended', ...lines);
    expect(lines).toHaveLength(6);
    expect(await listed(store, { limit: 9 })).toEqual([]);
    expect((await store.scanRuns(99)).keys).toHaveLength(41);
    for (const { key, ...entry } of runs)
      expect(await store.replaceIndex(key, 1, entry)).toBe(true);
    expect(await listed(store, { limit: 9 })).toEqual(['last', ...expected]);
    expect(await listed(store, { limit: 9, mark: 'has_checkpoints' })).toEqual(['last']);
    expect(await store.purgeFinished({ finishedBeforeMs: 101, keepNewest: 0, limit: 9 })).toBe(1);
  });

  it('leave nothing behind when the last run of a tenant is removed', async () => {
    await indexed(store, 'run-1', { status: 'done', finishedAtMs: 1 });
    const rule = { finishedBeforeMs: 9, keepNewest: 0, limit: 9 };
    expect(await store.purgeFinished(rule)).toBe(1);
    expect(await store.purgeFinished(rule)).toBe(0);
    expect(await server.command('KEYS', 'baton:{0}:[xf]*')).toEqual(['baton:{0}:feed']);
  });
});
