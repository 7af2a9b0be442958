import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRedisStore } from '../../src/adapters/redis/redis-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { missingRedis, redisSuite, startRedisServer } from '../support/redis-server.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';
import {
  claimTask,
  claimTasks,
  command,
  commit,
  LEASE_MS,
  present,
  request,
  runKey,
  task,
} from './fixture.ts';
import { indexed, listed } from './listing.ts';

/** What commits have in common is taken apart once and remembered: functions/commit.lua. */
describe.skipIf(missingRedis !== undefined)(redisSuite('forms of commits in Redis'), () => {
  let server: RedisServer;
  let store: Store;
  let clock: ReturnType<typeof createManualClock>;

  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(async () => {
    await server.remove();
  });
  beforeEach(async () => {
    await server.command('FLUSHALL');
    clock = createManualClock();
    const ids = createSeededIds(1);
    store = await createRedisStore({ url: server.url, ids, clock, logger: silentLogger });
    return () => store.close();
  });

  it('may be more than are remembered', async () => {
    const run = runKey('run-1');
    for (let version = 0; version < 2_100; version += 100) {
      const commands = Array.from({ length: 100 }, (_, at) => command({ id: `c${version + at}` }));
      await Promise.all(
        commands.map((one, at) =>
          commit(store, runKey(`run-${version + at}`), 0, { commands: [one] }),
        ),
      );
    }
    for (const id of ['c0', 'c1999', 'c2000', 'c2099']) {
      const key = runKey(`run-${id.slice(1)}`);
      const again = request(key, 1, { commands: [command({ id, answer: 'other' })] });
      expect(await store.commit(again)).toMatchObject({ kind: 'duplicate', commandId: id });
    }
    expect((await store.load(run))?.version).toBe(1);
  });

  it('may be longer than what is remembered', async () => {
    const slots = Array.from({ length: 64 }, (_, at) => `a_step_with_a_long_name_${at}`);
    for (const name of ['run-1', 'run-2'])
      await commit(store, runKey(name), 0, { enqueue: slots.map((slot) => task(slot)) });
    const claimed = await claimTasks(store, { limit: 200 });
    expect(claimed.map(({ slot }) => slot).sort()).toEqual([...slots, ...slots].sort());
  });

  it('are the same for leases that come from different slots', async () => {
    await commit(store, runKey('run-1'), 0, { enqueue: [task('a')] });
    const first = (await claimTask(store)).lease;
    const { leases } = await commit(store, runKey('run-1'), 1, {
      commands: [command({ acknowledge: first, continueWith: task('b') })],
    });
    await commit(store, runKey('run-2'), 0, { enqueue: [task('b')] });
    const second = (await claimTask(store)).lease;
    const toC = (lease = second) => ({
      commands: [{ id: 'b to c', answer: 1, acknowledge: lease, continueWith: task('c') }],
    });
    const moved = [
      await commit(store, runKey('run-1'), 2, toC(present(leases[0]))),
      await commit(store, runKey('run-2'), 1, toC()),
    ].map((result) => present(result.leases[0]));
    expect(await server.command('ZRANGE', 'baton:{0}:ol:q', '0', '-1')).toEqual([
      '1:a:4:acme:run-1',
      '1:b:4:acme:run-2',
    ]);
    for (const lease of moved) expect((await store.renew(lease, LEASE_MS)).kind).toBe('renewed');
    await clock.advance(LEASE_MS);
    const again = await claimTasks(store, { owner: 'worker-2' });
    expect(
      again.map(({ lease, slot, delivery }) => [lease.key.runId, slot, delivery]).sort(),
    ).toEqual([
      ['run-1', 'c', 2],
      ['run-2', 'c', 2],
    ]);
  });

  it('hold names of any characters, half of a pair as Redis keeps it elsewhere', async () => {
    const half = '\ud83d';
    const odd = runKey('run-1', 'zoë 🎼');
    await indexed(store, 'run-€', { name: '"\u0000\\' }, odd.tenant);
    const [listing] = (await store.listRuns({ tenant: odd.tenant, limit: 9 })).runs;
    expect(listing).toMatchObject({ key: { runId: 'run-€' }, name: '"\u0000\\' });
    const results = await Promise.all([
      commit(store, odd, 0, {
        commands: [command({ id: `c${half}`, digest: `d${half}`, answer: half })],
        enqueue: [task(`s${half}`, { queue: `q${half}` })],
      }),
      commit(store, runKey('run-2'), 0, { enqueue: [task('plain')] }),
    ]);
    expect(results.map(({ version }) => version)).toEqual([1, 1]);
    expect(await store.findCommand(odd, `c${half}`)).toEqual({ answer: half, digest: `d${half}` });
    const { lease } = present((await claimTasks(store, { queues: [`q${half}`] }))[0]);
    expect(lease).toMatchObject({ key: odd, id: 's\ufffd' });
    await commit(store, odd, 1, { commands: [command({ acknowledge: lease })] });
    expect((await store.openWork(odd)).tasks).toEqual([]);
    expect(await listed(store, { limit: 9, tenant: odd.tenant })).toEqual(['run-€']);
  });
});
