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
  claimTask,
  claimTasks,
  command,
  commit,
  event,
  LEASE_MS,
  present,
  request,
  runKey,
  task,
} from './fixture.ts';

const ROOT = 'baton:{0}';

/** Runs with one waiting task each, number 1 with a lease, a timer, a message and an index entry: as schema 1 kept them. */
const WRITE_SCHEMA_1 = `
local root, now, pack, call = '${ROOT}', tonumber(ARGV[1]), cmsgpack.pack, redis.call
for n = 1, tonumber(ARGV[2]) do
  local run = '4:acme:run-' .. n
  local open, is_leased = root .. ':o:' .. run, n == 1
  call('RPUSH', root .. ':h:' .. run, '{"sequence":1,"text":"x"}')
  call('HSET', root .. ':r:' .. run, 'c:start', 'null\\n{"ok":true}')
  call('ZADD', root .. ':runs', 1795000000000000 + n, run)
  call('HSET', open, 't:a', pack({ is_leased and 'worker-1' or '', is_leased and 7 or 0, is_leased and 10000 or 0,
    is_leased and now + 10000 or 0, 1795000000000000 + n, 1, 'q', now, is_leased and now or 0, is_leased and 1 or 0, 0 }))
  if is_leased then call('ZADD', root .. ':l:q', now + 10000, '1:a:' .. run)
  else call('ZADD', root .. ':w:q', 1795000000000000 + n, '1:a:' .. run) end
end
local run = '4:acme:run-1'
call('HSET', root .. ':o:' .. run, 'b:a', '{"half":true}', 'd:wake', pack({ '', 0, 0, now, now }),
  'm:hello', pack({ '', 0, 0, 0, 5, 'acme', 'run-2', now }), 'n:hello', '"body"')
call('HSET', root .. ':r:' .. run, 'i', pack({ 'old', 'running', tostring(now), '', '' }))
call('ZADD', root .. ':timers', now, '4:wake:' .. run)
call('ZADD', root .. ':mw', 5, '5:hello:' .. run)
call('ZADD', root .. ':x:4:acme:', now, 'run-1')
call('ZADD', root .. ':xs:4:acme:running', now, 'run-1')
call('SADD', root .. ':queues', 'q')
call('SET', root .. ':meta', '{"schemaVersion":1,"shards":1,"secret":"${'5'.repeat(64)}"}')`;

describe.skipIf(missingRedis !== undefined)(redisSuite('versions of the Redis store'), () => {
  let server: RedisServer;
  let clock: ReturnType<typeof createManualClock>;
  let seed = 0;

  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(async () => {
    await server.remove();
  });
  const opened: Store[] = [];
  beforeEach(async () => {
    await server.command('FLUSHALL');
    clock = createManualClock();
    return async () => {
      await Promise.all(opened.splice(0).map((store) => store.close()));
    };
  });

  async function open(addition?: string): Promise<Store> {
    seed += 1;
    const store = await createRedisStore({
      url: server.url,
      ids: createSeededIds(seed),
      clock,
      logger: silentLogger,
      library: readFunctionLibrary(addition),
    });
    opened.push(store);
    return store;
  }

  const writeSchema1 = (runs: number): Promise<unknown> =>
    server.command('EVAL', WRITE_SCHEMA_1, '0', String(clock.now()), String(runs));
  const openHashes = async (): Promise<number> =>
    // KEYS answers a list of names.
    ((await server.command('KEYS', `${ROOT}:o:*`)) as string[]).length;
  const schema = async (): Promise<unknown> =>
    JSON.parse(String(await server.command('GET', `${ROOT}:meta`)));

  it('convert a store of schema 1, and lose nothing of its open work', async () => {
    await writeSchema1(3);
    const store = await open();
    expect(await openHashes()).toBe(0);
    expect(await schema()).toMatchObject({ schemaVersion: 4, secret: '5'.repeat(64) });
    expect((await store.describe()).schemaVersion).toBe(4);
    const run = runKey('run-1');
    expect(await store.openWork(run)).toEqual({
      tasks: [
        {
          ...{ slot: 'a', attempt: 1, queue: 'q', deliveries: 1, recalled: false },
          heartbeat: { half: true },
          lease: {
            owner: 'worker-1',
            expiresAtMs: clock.now() + LEASE_MS,
            claimedAtMs: clock.now(),
          },
        },
      ],
      timers: [{ timerId: 'wake', dueAtMs: clock.now() }],
      messages: 1,
    });
    expect((await store.listRuns({ tenant: 'acme', limit: 9 })).runs).toMatchObject([
      { name: 'old', status: 'running' },
    ]);
    expect(await claimEngineWork(store)).toMatchObject([
      { kind: 'timer', timerId: 'wake' },
      { kind: 'message', messageId: 'hello', target: runKey('run-2'), body: 'body' },
    ]);
    const again = request(run, 1, { commands: [{ id: 'start', answer: { ok: false } }] });
    expect(await store.commit(again)).toMatchObject({ kind: 'duplicate', answer: { ok: true } });

    const lease = {
      ...{ key: run, item: 'task' as const, id: 'a', owner: 'worker-1', fence: 7 },
      expiresAtMs: clock.now() + LEASE_MS,
    };
    const { leases } = await commit(store, run, 1, {
      commands: [command({ acknowledge: lease, continueWith: task('b') })],
      index: { name: 'old', status: 'done', startedAtMs: 1, finishedAtMs: 2, marks: [] },
    });
    await commit(store, run, 2, { commands: [command({ acknowledge: present(leases[0]) })] });
    expect((await store.openWork(run)).tasks).toEqual([]);
    expect((await claimTasks(store)).map(({ lease: { key } }) => key.runId)).toEqual([
      'run-2',
      'run-3',
    ]);
  });

  it('are not converted while a process of an older Baton is heard', async () => {
    await writeSchema1(3);
    await server.command('ZADD', `${ROOT}:ears`, String(Date.now()), 'n0d0t1nthename');
    await expect(open()).rejects.toThrow(/1 process\(es\) of an older Baton still use this store/);
    expect(await openHashes()).toBe(3);
    expect(await schema()).toMatchObject({ schemaVersion: 1 });
    await server.command('ZADD', `${ROOT}:ears`, String(Date.now() - 61_000), 'n0d0t1nthename');
    await Promise.all([open(), open()]);
    expect(await schema()).toMatchObject({ schemaVersion: 4 });
  });

  it('go on with a conversion whose process died midway, batch by batch', async () => {
    await writeSchema1(450);
    await open();
    // As the first batch leaves it: some runs are converted, the schema is not raised.
    await server.command('FLUSHALL');
    await writeSchema1(450);
    const library = readFunctionLibrary();
    await server.command('FUNCTION', 'LOAD', 'REPLACE', library.source);
    const convert = library.nameOf('convert_runs');
    await server.command('FCALL', convert, '1', ROOT, '0', '200');
    expect([await openHashes(), await schema()]).toMatchObject([250, { schemaVersion: 1 }]);
    const store = await open();
    expect([await openHashes(), await schema()]).toMatchObject([0, { schemaVersion: 4 }]);
    expect(await claimTasks(store, { limit: 500 })).toHaveLength(449);
    expect((await store.openWork(runKey('run-1'))).tasks).toMatchObject([{ slot: 'a' }]);
  });

  it('work side by side on the same runs, also while their functions are flushed', async () => {
    const stores = [await open(), await open('-- Another version.')] as const;
    const runs = Array.from({ length: 12 }, (_, at) => runKey(`run-${at}`));
    const at = (turn: number): Store => stores[turn % 2 === 0 ? 0 : 1];
    await Promise.all(
      runs.map((run, n) => commit(at(n), run, 0, { enqueue: [task('s0'), task('side')] })),
    );
    const claimed = await claimTasks(at(1), { limit: 24 });
    expect(claimed).toHaveLength(24);
    const lines = new Map(claimed.map(({ lease }) => [`${lease.key.runId} ${lease.id}`, lease]));
    for (let step = 1; step <= 4; step += 1) {
      if (step % 2 === 0) await server.command('FUNCTION', 'FLUSH');
      for (const [n, run] of runs.entries()) {
        const lease = present(lines.get(`${run.runId} s0`));
        const next = {
          commands: [command({ acknowledge: lease, continueWith: task(`s${step}`) })],
        };
        const { leases } = await commit(at(n + step), run, step, next);
        expect(present(leases[0]).fence).toBeGreaterThan(lease.fence);
        expect((await at(n + step).commit(request(run, step + 1, next))).kind).toBe('duplicate');
        lines.set(`${run.runId} s0`, present(leases[0]));
      }
    }
    for (const [n, run] of runs.entries()) {
      const kept = present(lines.get(`${run.runId} s0`));
      expect(await at(n).renew(kept, LEASE_MS, { n })).toMatchObject({ kind: 'renewed' });
      await at(n + 1).release(kept);
      await at(n + 1).release(present(lines.get(`${run.runId} side`)));
    }
    const again = await claimTasks(at(0), { limit: 24, owner: 'worker-2' });
    expect(new Set(again.map(({ lease: { key }, slot }) => `${key.runId} ${slot}`)).size).toBe(24);
    expect(again.filter(({ slot }) => slot === 's4')).toHaveLength(12);
    const versions = new Map<string, number>();
    for (const { lease } of again) {
      const version = versions.get(lease.key.runId) ?? 5;
      versions.set(lease.key.runId, version + 1);
      const commands = [command({ acknowledge: lease })];
      await commit(at(version), lease.key, version, { commands });
    }
    for (const [n, run] of runs.entries()) {
      expect(await at(n).openWork(run)).toEqual({ tasks: [], timers: [], messages: 0 });
      expect((await at(n).load(run))?.version).toBe(7);
    }
    expect(await at(0).queueDepths()).toEqual([]);
  });

  it('find each command of a long run, and its open work without reading all of them', async () => {
    const store = await open();
    const run = runKey('long');
    await commit(store, run, 0, { commands: [command({ id: 'first' })], enqueue: [task('s')] });
    for (let version = 1; version < 300; version += 1) {
      const { lease } = await claimTask(store);
      const next = command({ id: `n${version}`, acknowledge: lease });
      const enqueue = [task('s', { attempt: version + 1 })];
      await commit(store, run, version, { commands: [next], enqueue, events: [event(version)] });
    }
    for (const id of ['first', 'n1', 'n255', 'n256', 'n299']) {
      expect(await store.findCommand(run, id)).toBeDefined();
      const repeated = request(run, 300, { commands: [command({ id })] });
      expect(await store.commit(repeated)).toMatchObject({ kind: 'duplicate', commandId: id });
    }
    expect(await store.findCommand(run, 'n300')).toBeUndefined();
    expect(await server.command('HLEN', `${ROOT}:r:4:acme:long`)).toBe(257);
    expect((await store.openWork(run)).tasks).toMatchObject([{ slot: 's', attempt: 300 }]);
  });
});
