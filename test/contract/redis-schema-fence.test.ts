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
import { claimEngineWork, claimTasks, commit, LEASE_MS, present, runKey, task } from './fixture.ts';
import { listed } from './listing.ts';

const ROOT = 'baton:{0}';
const read = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8');
const STORED = read('redis-schema-2.lua');
/** The functions of the version that wrote it (commit 17dbf02). */
const OLD_LIBRARY = read('redis-library-2.lua');
const OLD_NAME = 'baton_d6e6691db906';

/** Of every key but those of who listens: its name and the hash of what it holds. */
const STATE = `
local state, order = {}, function(a, b) return tostring(a) < tostring(b) end
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind, held = redis.call('TYPE', key).ok, nil
  if kind == 'string' then held = { redis.call('GET', key) }
  elseif kind == 'hash' then
    held = {}
    local all = redis.call('HGETALL', key)
    for at = 1, #all, 2 do held[#held + 1] = all[at] .. '=' .. all[at + 1] end
    table.sort(held, order)
  elseif kind == 'set' then
    held = redis.call('SMEMBERS', key)
    table.sort(held, order)
  elseif kind == 'zset' then held = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif kind == 'list' then held = redis.call('LRANGE', key, 0, -1)
  else held = redis.call('XRANGE', key, '-', '+') end
  if not key:find(':ear:') and not key:find(':listeners') then
    state[#state + 1] = key .. ' ' .. redis.sha1hex(cmsgpack.pack(held))
  end
end
table.sort(state)
return state`;

const RUN_1 = ['acme', 'run-1', 'b', 'worker-1', '1795314234857912'];
const oldStart = (runId: string): string[] => [
  ...['commit', '', 'old', '1000', '1', `4:acme:${runId}`, '0', '1', '{"sequence":1}'],
  ...['1', 'c:start', '"d"\n1', '', 'iq', 'acme', runId, 'chain', 'running', '5', '', ''],
  ...['1', 'a', '1', 'q', '0'],
];
const OLD_RENEWAL = ['renew', '', 'old', 'task', ...RUN_1, '', ''];

/** What an old process may call, and what it wrote before. */
const OLD_CALLS: readonly (readonly [string, readonly string[]])[] = [
  ['starts a run', oldStart('run-9')],
  [
    'goes on with a run',
    [
      ...['commit', '', 'old', '1000', '1', '4:acme:run-2', '1', '1', '{"sequence":2}'],
      ...['1', 'c:x', '"d"\n1', '', ''],
    ],
  ],
  ['claims tasks', ['claim_tasks', '', 'take', 'old', '10', '10000', 'q']],
  ['looks for tasks', ['claim_tasks', '', 'look', 'old', '10', '10000', 'q']],
  ['claims timers and messages', ['claim_engine_work', '', 'take', 'old', '10', '10000']],
  ['renews', OLD_RENEWAL],
  ['releases', ['release', '', 'old', 'task', ...RUN_1]],
  ['releases a timer', ['release', '', 'old', 'timer', 'acme', 'run-1', 'wake', 'engine-1', '7']],
  ['discards', ['discard', '', 'old', 'task', ...RUN_1]],
  ['publishes', ['publish', '', 'old', '1000', '1', '1:acme', '["m","news",{}]']],
  ['listens', ['listen', 'v2.old']],
  ['counts queues', ['queue_depths', '']],
  ['lists a run anew', ['replace_index', 'acme', 'run-1', '3', 'chain', 'done', '5', '6', '']],
  ['looks for runs to purge', ['finished_tenants']],
];

/** An older Baton that was stopped for more than a minute is not heard, and knows nothing of the conversion. */
describe.skipIf(missingRedis !== undefined)(redisSuite('a converted store, and who slept'), () => {
  let server: RedisServer;
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
    await server.command('FUNCTION', 'FLUSH');
    await server.command('FUNCTION', 'LOAD', OLD_LIBRARY);
    return async () => {
      await Promise.all(opened.splice(0).map((store) => store.close()));
    };
  });

  async function open(): Promise<Store> {
    const clock = createManualClock();
    const ids = createSeededIds(opened.length + 1);
    const store = await createRedisStore({ url: server.url, ids, clock, logger: silentLogger });
    opened.push(store);
    return store;
  }

  const old = ([operation = '', ...args]: readonly string[]): Promise<unknown> =>
    server.command('FCALL', `${OLD_NAME}_${operation}`, '1', ROOT, ...args);
  // EVAL answers what its script returns: names.
  const state = async (): Promise<string[]> =>
    (await server.command('EVAL', STATE, '0')) as string[];

  /** Its functions have found every key right, and remember it. */
  async function useOldFunctions(): Promise<void> {
    expect(await old(oldStart('run-8'))).toEqual([[1]]);
    expect(await old(OLD_RENEWAL)).toHaveLength(2);
    expect(await old(['replace_index', 'acme', 'run-1', '3', 'c', 'done', '5', '6', ''])).toBe(1);
    expect(await old(['publish', '', 'old', '1000', '1', '1:acme', '["m","n",{}]'])).toEqual([]);
    expect(await old(['listen', 'v2.old'])).toBe(1);
    expect(await old(['unlisten', 'v2.old'])).toBe(1);
  }

  it.each(['as they were', 'loaded anew'])(
    'refuses all that an older Baton writes, by functions %s',
    async (memory) => {
      await useOldFunctions();
      const store = await open();
      if (memory === 'loaded anew') {
        await server.command('FUNCTION', 'FLUSH');
        await server.command('FUNCTION', 'LOAD', OLD_LIBRARY);
      }
      const before = await state();
      for (const [what, call] of OLD_CALLS) {
        // That of a timer that nobody holds is answered.
        if (what === 'releases a timer') expect(await old(call)).toBe(0);
        else await expect(old(call), what).rejects.toThrow(/WRONGTYPE|arithmetic/);
        expect(await state(), what).toEqual(before);
      }
      expect(await listed(store, { limit: 9, statuses: ['running'] })).toEqual(['run-2', 'run-8']);
      const claimed = (await claimTasks(store)).map(({ lease }) => lease);
      expect(claimed.map(({ key }) => key.runId).sort()).toEqual(['run-1', 'run-2', 'run-8']);
      // Its record looks as it did, but for where it stands in line.
      const side = present(claimed.find(({ id }) => id === 'side'));
      const names = ['task', 'acme', 'run-1', 'side', side.owner, String(side.fence)];
      await expect(old(['renew', '', 'old', ...names, '', ''])).rejects.toThrow('WRONGTYPE');
      await expect(old(['release', '', 'old', ...names])).rejects.toThrow('WRONGTYPE');
      expect((await store.renew(side, LEASE_MS)).kind).toBe('renewed');
      expect(await claimEngineWork(store)).toMatchObject([{ kind: 'message', body: 'body' }]);
      await commit(store, runKey('run-9'), 0, { enqueue: [task('a')] });
      expect(await claimTasks(store)).toHaveLength(1);
    },
  );

  it('is converted to the same end wherever the process before died', async () => {
    const started = await server.command('GET', `${ROOT}:meta`);
    await (await open()).close();
    const whole = await state();
    const library = readFunctionLibrary();
    const call = (operation: string, ...args: string[]): Promise<unknown> =>
      server.command('FCALL', library.nameOf(operation), '1', ROOT, ...args);
    const meta = JSON.stringify({
      ...(JSON.parse(String(started)) as object),
      ...{ schemaVersion: 4, convertingFrom: 2 },
    });
    const steps: (() => Promise<unknown>)[] = [
      () => server.command('SET', `${ROOT}:meta`, meta),
      () => call('fence_writers'),
      ...Array.from({ length: 7 }, () => () => call('fence_lines', '1')),
      () => call('convert_runs', '0', '2'),
      () => call('convert_runs', '0', '200'),
    ];
    for (let died = 1; died <= steps.length; died += 1) {
      await server.command('FLUSHALL');
      await server.command('EVAL', STORED, '0');
      for (const step of steps.slice(0, died)) await step();
      expect(await state()).not.toEqual(whole);
      const store = await open();
      expect(await state(), `after ${died}`).toEqual(whole);
      await store.close();
    }
    expect(await server.command('GET', `${ROOT}:meta`)).not.toContain('convertingFrom');
  });

  it('goes on with a conversion while an older Baton that woke up is heard', async () => {
    const meta = `{"schemaVersion":4,"convertingFrom":2,"shards":1,"secret":"${'5'.repeat(64)}"}`;
    await server.command('SET', `${ROOT}:meta`, meta);
    await server.command('ZADD', `${ROOT}:ears`, String(Date.now()), 'v2.another');
    const store = await open();
    expect(await listed(store, { limit: 9 })).toEqual(['run-3', 'run-2', 'run-1']);
    await expect(old(['listen', 'v2.another'])).rejects.toThrow('WRONGTYPE');
  });

  it('claims and counts what stands there in the old form all the same', async () => {
    const store = await open();
    const record = STORED.split('\n').filter((line) => /:r:4:acme:run-[12]', 'k'/.test(line));
    expect(record).toHaveLength(2);
    await server.command('EVAL', ['local call = redis.call', ...record].join('\n'), '0');
    expect(await store.queueDepths()).toMatchObject([{ queue: 'q', waiting: 2, leased: 1 }]);
    expect((await store.openWork(runKey('run-1'))).tasks).toMatchObject([
      { slot: 'b', lease: { owner: 'worker-1' } },
      { slot: 'side' },
    ]);
    expect((await claimTasks(store)).map(({ lease, slot }) => [lease.key.runId, slot])).toEqual([
      ['run-2', 'a'],
      ['run-1', 'side'],
    ]);
  });
});
