import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readFunctionLibrary } from '../../src/adapters/redis/function-library.ts';
import { createRedisStore } from '../../src/adapters/redis/redis-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { missingRedis, redisSuite, startRedisServer } from '../support/redis-server.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';
import {
  claimEngineWork,
  claimTasks,
  command,
  commit,
  LEASE_MS,
  present,
  request,
  runKey,
  task,
} from './fixture.ts';
import { listed } from './listing.ts';

const ROOT = 'baton:{0}';
const RUN = runKey('run-1');
const STORED = readFileSync(join(import.meta.dirname, 'redis-schema-2.lua'), 'utf8');

/** As the file has it. */
function eventsOf(run: string): string[] {
  return STORED.split('\n')
    .filter((line) => line.startsWith(`call('RPUSH', '${ROOT}:h:${run}'`))
    .map((line) => line.slice(line.indexOf("'{") + 1, -2));
}

/** The store in redis-schema-2.lua: a version that kept all runs of a tenant in one line, and events as they were. */
describe.skipIf(missingRedis !== undefined)(redisSuite('a Redis store of schema 2'), () => {
  let server: RedisServer;
  let clock: ReturnType<typeof createManualClock>;
  const opened: Store[] = [];

  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(async () => {
    await server.remove();
  });
  beforeEach(async () => {
    await server.command('FLUSHALL');
    await server.command('EVAL', STORED, '0');
    clock = createManualClock();
    return async () => {
      await Promise.all(opened.splice(0).map((store) => store.close()));
    };
  });

  async function open(): Promise<Store> {
    const ids = createSeededIds(opened.length + 1);
    const store = await createRedisStore({ url: server.url, ids, clock, logger: silentLogger });
    opened.push(store);
    return store;
  }

  const schema = async (): Promise<unknown> =>
    JSON.parse(String(await server.command('GET', `${ROOT}:meta`)));
  const oldLines = (): Promise<unknown> => server.command('KEYS', `${ROOT}:x:*`);

  it('is listed, scanned and read as it was', async () => {
    const store = await open();
    expect([await schema(), await oldLines()]).toMatchObject([{ schemaVersion: 4 }, []]);
    expect(await listed(store, { limit: 2 })).toEqual(['run-3', 'run-2', 'run-1']);
    expect(await listed(store, { limit: 9, tenant: 'other' })).toEqual(['run-3']);
    expect(await listed(store, { limit: 9, statuses: ['running'] })).toEqual(['run-2', 'run-1']);
    expect(await listed(store, { limit: 9, mark: 'awaits_person' })).toEqual(['run-1']);
    expect((await store.scanRuns(9)).keys).toHaveLength(5);
    expect(eventsOf('4:acme:run-1')).toHaveLength(3);
    expect(await store.readHistory(RUN, 1, 9)).toEqual(eventsOf('4:acme:run-1'));
    expect(await store.load(runKey('run-2'))).toMatchObject({
      snapshot: { version: 1, data: '{"state":1}' },
    });
    const { items } = await store.readFeed({ tenant: 'acme', limit: 9 });
    expect(items.map((item) => (item.kind === 'event' ? item.text : item.body))).toEqual(
      ['run-1', 'run-2', 'run-3', 'silent']
        .flatMap((run): unknown[] => eventsOf(`4:acme:${run}`))
        .concat({ n: 1 }),
    );
  });

  it('goes on with its open work, and remembers what it answered', async () => {
    const store = await open();
    expect((await store.openWork(RUN)).tasks).toMatchObject([
      { slot: 'b', heartbeat: { half: true }, lease: { owner: 'worker-1' } },
      { slot: 'side' },
    ]);
    const again = request(RUN, 3, { commands: [command({ id: 'report:a#1' })] });
    expect(await store.commit(again)).toMatchObject({ kind: 'duplicate', answer: { version: 3 } });
    const lease = {
      ...{ key: RUN, item: 'task' as const, id: 'b', owner: 'worker-1', fence: 1795314234857912 },
      expiresAtMs: clock.now() + LEASE_MS,
    };
    const { leases } = await commit(store, RUN, 3, {
      commands: [command({ acknowledge: lease, continueWith: task('c') })],
    });
    expect((await claimTasks(store)).map(({ lease: { key }, slot }) => [key.runId, slot])).toEqual([
      ['run-2', 'a'],
      ['run-1', 'side'],
    ]);
    expect(await claimEngineWork(store)).toMatchObject([{ kind: 'message', body: 'body' }]);
    await commit(store, RUN, 4, {
      commands: [command({ acknowledge: present(leases[0]) })],
      index: {
        name: 'chain',
        status: 'done',
        startedAtMs: clock.now(),
        finishedAtMs: 9,
        marks: [],
      },
    });
    expect(await listed(store, { limit: 9, statuses: ['done'] })).toEqual(['run-1']);
    const rule = { finishedBeforeMs: clock.now() * 2, keepNewest: 0, limit: 9 };
    expect(await store.purgeFinished(rule)).toBe(2);
    expect(await listed(store, { limit: 9 })).toEqual(['run-2', 'run-1']);
  });

  it('is refused while a process that knows schema 2 only is heard, and nothing is changed', async () => {
    await server.command('ZADD', `${ROOT}:ears`, String(Date.now()), 'v2.another');
    await expect(open()).rejects.toThrow(/1 process\(es\) of an older Baton still use this store/);
    expect(await schema()).toMatchObject({ schemaVersion: 2 });
    expect(await oldLines()).toHaveLength(2);
  });

  it('is converted to its end by the next process when one died midway', async () => {
    const library = readFunctionLibrary();
    await server.command('FUNCTION', 'LOAD', 'REPLACE', library.source);
    const convert = library.nameOf('convert_runs');
    const after = String(await server.command('FCALL', convert, '1', ROOT, '0', '2'));
    // The same batch again, as who begins anew does.
    expect(await server.command('FCALL', convert, '1', ROOT, '0', '2')).toBe(after);
    expect(await server.command('ZCARD', `${ROOT}:x:4:acme:`)).toBe(1);
    const store = await open();
    expect([await schema(), await oldLines()]).toMatchObject([{ schemaVersion: 4 }, []]);
    expect(await listed(store, { limit: 1 })).toEqual(['run-3', 'run-2', 'run-1']);
    expect((await store.openWork(RUN)).tasks).toHaveLength(2);
  });
});
