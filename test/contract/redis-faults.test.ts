import { afterEach, describe, expect, it } from 'vitest';
import { createRedisStore } from '../../src/adapters/redis/redis-store.ts';
import { StoreUnavailableError } from '../../src/ports/run-store.ts';
import type { Store } from '../../src/ports/store.ts';
import type { StoreChange } from '../../src/ports/change-feed.ts';
import { missingRedis, redisSuite } from '../support/redis-server.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { claimTask, command, commit, event, only, request, runKey, task } from './fixture.ts';
import { endAll, open, startServer } from './redis-fixture.ts';

const RUN = runKey('run-1');
const ANSWER_BOUND_MS = 5_000;

afterEach(endAll);

async function timed<T>(work: Promise<T>): Promise<[answer: T, elapsedMs: number]> {
  const startedAtMs = performance.now();
  const answer = await work;
  return [answer, performance.now() - startedAtMs];
}

/** Until the store answers again: the adapter finds a server that is back by itself. */
async function untilBack(store: Store): Promise<void> {
  for (;;) {
    try {
      await store.describe();
      return;
    } catch (error) {
      expect(error).toBeInstanceOf(StoreUnavailableError);
    }
  }
}

describe.skipIf(missingRedis !== undefined)(
  redisSuite('the Redis store when things go wrong'),
  () => {
    it('answers in time while the server is dead, and goes on by itself with all it had', async () => {
      const server = await startServer('--appendfsync', 'always');
      const store = await open(server.url);
      await commit(store, RUN, 0, { enqueue: [task('a')] });
      await server.stop('SIGKILL');
      const [result, elapsedMs] = await timed(store.commit(request(RUN, 1)));
      expect(result).toMatchObject({ kind: 'storeUnavailable' });
      expect(elapsedMs).toBeLessThan(ANSWER_BOUND_MS);
      await expect(store.load(RUN)).rejects.toThrow(StoreUnavailableError);
      await server.restart();
      await untilBack(store);
      expect(await store.load(RUN)).toEqual({ version: 1, tail: [event(1)] });
      const { lease } = await claimTask(store);
      await commit(store, RUN, 1, { commands: [command({ acknowledge: lease })] });
    });

    it('answers in time when the server says nothing, and a repetition tells what became of it', async () => {
      const server = await startServer();
      const store = await open(server.url);
      await commit(store, RUN, 0);
      process.kill(server.pid, 'SIGSTOP');
      const silent = request(RUN, 1);
      const [results, elapsedMs] = await timed(
        Promise.all([store.commit(silent), store.load(RUN).catch((error: unknown) => error)]),
      );
      expect(results[0]).toMatchObject({ kind: 'storeUnavailable' });
      expect(results[1]).toBeInstanceOf(StoreUnavailableError);
      expect(elapsedMs).toBeLessThan(ANSWER_BOUND_MS);
      process.kill(server.pid, 'SIGCONT');
      await untilBack(store);
      // The server may have read the first try from its socket before it noticed that nobody waits.
      expect(['committed', 'duplicate']).toContain((await store.commit(silent)).kind);
      expect((await store.load(RUN))?.version).toBe(2);
    });

    it('loads its functions again when the server has lost them', async () => {
      const server = await startServer();
      const store = await open(server.url);
      const keys = Array.from({ length: 50 }, (_, at) => runKey(`run-${at}`));
      await server.command('FUNCTION', 'FLUSH');
      const results = await Promise.all(keys.map((key) => store.commit(request(key, 0))));
      expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['committed']));
    });

    it('hears of other processes again after its connections were cut', async () => {
      const server = await startServer();
      const [mine, other] = [await open(server.url), await open(server.url)];
      let heard: (change: StoreChange) => void = () => undefined;
      const next = () => new Promise<StoreChange>((resolve) => (heard = resolve));
      mine.onChange((change) => heard(change));
      const first = next();
      await commit(other, RUN, 0);
      expect(await first).toEqual({ work: true });
      const again = next();
      await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      // What may have been missed meanwhile: it looks for itself.
      expect(await again).toEqual({ work: true });
      const second = next();
      await untilBack(other);
      await commit(other, RUN, 1);
      expect(await second).toEqual({ work: true });
    });

    it('writes nothing when a key holds what is not its own', async () => {
      const server = await startServer();
      const store = await open(server.url);
      await commit(store, RUN, 0);
      await server.command('SET', 'baton:{0}:ot', 'foreign');
      const result = await store.commit(
        request(RUN, 1, { enqueue: [task('a')], timers: [{ timerId: 't', dueAtMs: 1 }] }),
      );
      expect(result).toMatchObject({ kind: 'storeUnavailable' });
      expect(await store.load(RUN)).toEqual({ version: 1, tail: [event(1)] });
      expect(await store.openWork(RUN)).toEqual({ tasks: [], timers: [], messages: 0 });
    });

    it('clears away what stands in a queue without a task behind it', async () => {
      const server = await startServer();
      const store = await open(server.url);
      await commit(store, RUN, 0, {
        enqueue: [task('a', { queue: 'first' }), task('a', { attempt: 2 })],
      });
      await server.command('ZADD', 'baton:{0}:ow:q', '1', '1:x:4:acme:gone');
      expect(await claimTask(store)).toMatchObject({ slot: 'a', attempt: 2 });
      expect(await server.command('ZCARD', 'baton:{0}:ow:q')).toBe(0);
      expect((await store.queueDepths()).map(({ queue }) => queue)).toEqual(['q']);
    });

    it('refuses commits when memory is full, still reads, and purging makes room', async () => {
      const server = await startServer();
      const store = await open(server.url);
      const index = { name: 'n', status: 'done', startedAtMs: 1, finishedAtMs: 2, marks: [] };
      await commit(store, RUN, 0, { events: [event(1, 'x'.repeat(100_000))], index });
      await server.command('CONFIG', 'SET', 'maxmemory', '1000000');
      const refused = await store.commit(request(runKey('run-2'), 0));
      expect(refused).toMatchObject({ kind: 'storeUnavailable' });
      expect(refused.kind === 'storeUnavailable' && refused.reason).toContain('maxmemory');
      expect((await store.load(RUN))?.version).toBe(1);
      expect(await store.purgeFinished({ finishedBeforeMs: 3, keepNewest: 9, limit: 9 })).toBe(1);
    });

    it('keeps the time of the server where no other is given', async () => {
      const server = await startServer();
      const store = await open(server.url);
      const beforeMs = Date.now();
      await commit(store, RUN, 0, { enqueue: [task('a')], timers: [{ timerId: 't', dueAtMs: 1 }] });
      const [first] = (
        await store.claimTasks({ owner: 'w', queues: ['q'], limit: 1, leaseDurationMs: 1 })
      ).work;
      expect(first?.lease.expiresAtMs).toBeGreaterThan(beforeMs);
      let again = await store.claimTasks({
        owner: 'v',
        queues: ['q'],
        limit: 1,
        leaseDurationMs: 1,
      });
      while (again.work.length === 0)
        again = await store.claimTasks({ owner: 'v', queues: ['q'], limit: 1, leaseDurationMs: 1 });
      expect(only(again.work)).toMatchObject({ slot: 'a', delivery: 2 });
      expect(
        await store.claimEngineWork({ owner: 'e', limit: 1, leaseDurationMs: 1 }),
      ).toMatchObject({ work: [{ kind: 'timer' }] });
    });

    it('leaves no key of a purged run behind, nor a number of shards to choose', async () => {
      const server = await startServer();
      const store = await open(server.url);
      await commit(store, RUN, 0);
      const before = await server.command('DBSIZE');
      const index = { name: 'n', status: 'done', startedAtMs: 1, finishedAtMs: 2, marks: [] };
      const key = runKey('run-2');
      const message = { messageId: 'm', target: RUN, body: 1 };
      await commit(store, key, 0, { enqueue: [task('a')], messages: [message] });
      await store.putArtifact(key, { mediaType: 'text/plain', content: new Uint8Array(10) });
      await store.discard(
        only((await store.claimEngineWork({ owner: 'e', limit: 1, leaseDurationMs: 9 })).work)
          .lease,
      );
      await commit(store, key, 1, { index, snapshot: { version: 1, data: 's' } });
      expect(await store.purgeFinished({ finishedBeforeMs: 3, keepNewest: 9, limit: 9 })).toBe(1);
      await store.queueDepths();
      await store.purgeFinished({ finishedBeforeMs: 3, keepNewest: 9, limit: 9 });
      expect(await server.command('DBSIZE')).toBe(before);
      const other = await createRedisStore({
        url: server.url,
        shards: 7,
        ids: createSeededIds(99),
        logger: silentLogger,
      });
      expect((await other.describe()).details.shards).toBe(1);
      await other.close();
    });
  },
);
