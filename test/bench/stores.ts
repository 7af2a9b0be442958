import { rmSync } from 'node:fs';
import { createRedisStore } from '../../src/adapters/redis/redis-store.ts';
import { randomIdSource } from '../../src/adapters/system/random-id-source.ts';
import type { Store } from '../../src/ports/store.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { inFlight, median, percentile, timed } from './measure.ts';
import {
  createWorkload,
  newFolder,
  openStore,
  registerWorkflow,
  silentLogger,
} from './workload.ts';

/**
 * `node test/bench/stores.ts`: the same engine and work on every store, side by side on this machine. Ratios are to
 * SQLite of the same run. `--quick`: a fifth of the load.
 */
const scale = process.argv.includes('--quick') ? 0.2 : 1;
const COMMITS = 20_000 * scale;
const WORKFLOWS = 6_000 * scale;
const IDLE_RUNS = 200 * scale;
const IN_FLIGHT = 256;
const WORKER_SLOTS = 128;

interface Figures {
  readonly commitsPerSecond: number;
  readonly workflowsPerSecond: number;
  readonly idleP50Ms: number;
  readonly idleP99Ms: number;
}

interface OpenedStore {
  readonly store: Store;
  remove(): Promise<void>;
}

async function openLocal(kind: 'memory' | 'sqlite'): Promise<OpenedStore> {
  const folder = newFolder();
  const store = await openStore(kind, folder);
  return { store, remove: async () => rmSync(folder, { recursive: true, force: true }) };
}

async function openRedis(fsync: 'everysec' | 'always'): Promise<OpenedStore> {
  const server = await startRedisServer('--appendfsync', fsync);
  const store = await createRedisStore({
    url: server.url,
    ids: randomIdSource,
    logger: silentLogger,
  });
  return { store, remove: () => server.remove() };
}

async function measure(opened: OpenedStore): Promise<Figures> {
  const { store } = opened;
  const commitsPerSecond = await perSecond(COMMITS, (index) => commitOnce(store, index));
  const workload = await createWorkload(store, WORKER_SLOTS);
  const plan = await registerWorkflow(store, 3, 'chain');
  const toTheEnd = async (): Promise<void> => {
    const { runId } = await workload.start(plan);
    await workload.ended({ tenant: 'default', runId });
  };
  await perSecond(WORKFLOWS / 6, toTheEnd); // warm
  const workflowsPerSecond = await perSecond(WORKFLOWS, toTheEnd);
  const latencies: number[] = [];
  for (let run = 0; run < IDLE_RUNS; run += 1) latencies.push(await timed(toTheEnd));
  await workload.close();
  await opened.remove();
  const [idleP50Ms, idleP99Ms] = [median(latencies), percentile(latencies, 0.99)];
  return { commitsPerSecond, workflowsPerSecond, idleP50Ms, idleP99Ms };
}

async function perSecond(count: number, job: (index: number) => Promise<void>): Promise<number> {
  return count / ((await timed(() => inFlight(count, IN_FLIGHT, job))) / 1_000);
}

async function commitOnce(store: Store, index: number): Promise<void> {
  const result = await store.commit({
    key: { tenant: 'bench', runId: `commit-${index}` },
    expectedVersion: 0,
    commands: [{ id: 'start', answer: null }],
    events: [JSON.stringify({ body: 'x'.repeat(480) })],
    enqueue: [],
    recall: [],
    timers: [],
    cancelTimers: [],
    messages: [],
  });
  if (result.kind !== 'committed') throw new Error(result.kind);
}

const sqlite = await measure(await openLocal('sqlite'));
const measured: [string, Figures][] = [
  ['sqlite', sqlite],
  ['memory', await measure(await openLocal('memory'))],
  ['redis, everysec', await measure(await openRedis('everysec'))],
  ['redis, always', await measure(await openRedis('always'))],
];
const times = (value: number, base: number): string => `${(value / base).toFixed(2)} x`;
console.table(
  Object.fromEntries(
    measured.map(([name, figures]) => [
      name,
      {
        'commits/s': Math.round(figures.commitsPerSecond),
        'to sqlite': times(figures.commitsPerSecond, sqlite.commitsPerSecond),
        'workflows/s': Math.round(figures.workflowsPerSecond),
        'to sqlite ': times(figures.workflowsPerSecond, sqlite.workflowsPerSecond),
        'idle p50 ms': figures.idleP50Ms.toFixed(2),
        'idle p99 ms': figures.idleP99Ms.toFixed(2),
      },
    ]),
  ),
);
