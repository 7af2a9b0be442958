import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import { createRedisStore } from '../../src/adapters/redis/redis-store.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/sqlite-store.ts';
import { randomIdSource } from '../../src/adapters/system/random-id-source.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import type { Store } from '../../src/ports/store.ts';
import { inFlight } from '../bench/measure.ts';
import { createWorkload, newFolder, registerWorkflow } from '../bench/workload.ts';
import { missingRedis, redisSuite, startRedisServer } from '../support/redis-server.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { silentLogger } from '../support/silent-logger.ts';

const ROUNDS = 20;
const RUNS_A_ROUND = 500;
/** The setting retention.runs. */
const KEPT_RUNS = 200;
/** Far below the default, so that the feed is full after the first rounds. */
const FEED_ENTRIES = 300;
/** What the production engine asks for at once (retention.ts). */
const RUNS_A_PURGE = 50;
const TEST_MS = 600_000;

const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** Rounds of whole workflows, each followed by what retention does, then by `look`. */
async function live<T>(store: Store, look: (round: number) => Promise<T>): Promise<T[]> {
  const workload = await createWorkload(store, 64);
  endings.push(() => workload.close());
  const plan = await registerWorkflow(store, 3, 'chain');
  const seen: T[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await inFlight(RUNS_A_ROUND, 64, async () => workload.ended(await workload.start(plan)));
    await leaveTraces(store, round);
    await purge(store);
    seen.push(await look(round));
  }
  return seen;
}

/** What processes and agents leave behind beside runs: presence that ends, messages, queues that nobody names again. */
async function leaveTraces(store: Store, round: number): Promise<void> {
  for (let item = 0; item < 50; item += 1)
    await store.setValue(`presence-${item % 2}`, `process-${round}-${item}`, item, { ttlMs: 1 });
  const body = round;
  for (let at = 0; at < 100; at += 1)
    await store.publish('default', [{ id: `${round}-${at}`, topic: 'news', body }]);
  for (let agent = 0; agent < 50; agent += 1) {
    const name = `agent-${round}-${agent}`;
    const key = { tenant: `tenant-${round}`, runId: name };
    const task = { slot: 's', attempt: 1, queue: `agent:${name}` };
    const index = { name, status: 'completed', startedAtMs: 1, finishedAtMs: 2, marks: [] };
    await put(store, { key, expectedVersion: 0, enqueue: [task], id: 'start' });
    await put(store, { key, expectedVersion: 1, enqueue: [], id: 'end', index });
  }
}

type Request = Parameters<Store['commit']>[0];

async function put(
  store: Store,
  { id, ...given }: Pick<Request, 'key' | 'expectedVersion' | 'enqueue' | 'index'> & { id: string },
): Promise<void> {
  const result = await store.commit({
    ...given,
    commands: [{ id, answer: null }],
    events: [JSON.stringify({ id })],
    recall: [],
    timers: [],
    cancelTimers: [],
    messages: [],
  });
  if (result.kind !== 'committed') throw new Error(JSON.stringify(result));
}

async function purge(store: Store): Promise<void> {
  const rule = { keepNewest: KEPT_RUNS, limit: RUNS_A_PURGE };
  // Runs of tenants that are no more are old; those of this one are too many.
  for (;;) {
    const removed = await store.purgeFinished({ ...rule, finishedBeforeMs: 1_000 });
    if (removed === 0) return;
  }
}

/** The second half is no larger than the first was at its largest, but for what an allocator may take. */
function expectFlat(values: readonly number[], tolerance: number): void {
  const half = values.length / 2;
  const [early, late] = [Math.max(...values.slice(1, half)), Math.max(...values.slice(half))];
  expect(late, `${values.join(', ')} grows`).toBeLessThanOrEqual(early * tolerance);
}

describe.skipIf(missingRedis !== undefined)(redisSuite('a Redis that serves for ever'), () => {
  test(
    'keeps as many runs as it may, and no key and no memory more',
    async () => {
      // Its log of slow commands fills up to some bound of its own.
      const server = await startRedisServer('--slowlog-log-slower-than', '-1');
      endings.push(() => server.remove());
      const store = await createRedisStore({
        url: server.url,
        ids: randomIdSource,
        logger: silentLogger,
        maxFeedEntries: FEED_ENTRIES,
      });
      const seen = await live(store, () => lookAt(server));
      for (const measure of ['keys', 'members', 'usedBytes'] as const)
        expectFlat(
          seen.map((look) => look[measure]),
          measure === 'keys' ? 1.02 : 1.1,
        );
      const runKeys = (await server.command('KEYS', 'baton:{0}:h:*')) as string[]; // by its reference
      expect(runKeys).toHaveLength(KEPT_RUNS);
    },
    TEST_MS,
  );
});

interface Look {
  readonly keys: number;
  /** Of all that is shared by runs: indexes, queues, key-values, definitions, the feed. */
  readonly members: number;
  readonly usedBytes: number;
}

const SIZE_COMMANDS: Readonly<Record<string, string>> = {
  zset: 'ZCARD',
  set: 'SCARD',
  hash: 'HLEN',
  list: 'LLEN',
  stream: 'XLEN',
};

async function lookAt(server: RedisServer): Promise<Look> {
  const memory = String(await server.command('INFO', 'memory'));
  const names = (await server.command('KEYS', '*')) as string[]; // by its reference
  let members = 0;
  for (const name of names.filter((key) => !/^baton:\{0\}:[rho]:/.test(key))) {
    const size = SIZE_COMMANDS[String(await server.command('TYPE', name))];
    if (size !== undefined) members += Number(await server.command(size, name));
  }
  const [, used = '0'] = /used_memory_dataset:(\d+)/.exec(memory) ?? [];
  return { keys: names.length, members, usedBytes: Number(used) };
}

test(
  'an SQLite file keeps as many runs as it may, and grows no further',
  async () => {
    const folder = newFolder();
    endings.push(async () => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'bench.db');
    const store = await openSqliteStore({
      path,
      clock: systemClock,
      ids: randomIdSource,
      logger: silentLogger,
      maxFeedEntries: FEED_ENTRIES,
    });
    const sizes = await live(store, async () => {
      const db = new DatabaseSync(path, { readOnly: true });
      const pages = Number(db.prepare('PRAGMA page_count').get()?.['page_count']);
      const free = Number(db.prepare('PRAGMA freelist_count').get()?.['freelist_count']);
      db.close();
      return { pages, used: pages - free, walBytes: statSync(`${path}-wal`).size };
    });
    expectFlat(
      sizes.map(({ pages }) => pages),
      1.1,
    );
    expectFlat(
      sizes.map(({ used }) => used),
      1.1,
    );
    expectFlat(
      sizes.map(({ walBytes }) => walBytes),
      1.5,
    );
  },
  TEST_MS,
);
