import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { parseDefinition } from '../../src/domain/definition.ts';
import { buildGraph } from '../../src/domain/graph.ts';
import type { Plan } from '../../src/domain/plan.ts';
import type { Store } from '../../src/ports/store.ts';
import { startBatonProcess } from '../e2e/baton-process.ts';
import { bareCommitsPerSecond } from './bare-sqlite.ts';
import { inFlight, median, percentile, timed } from './measure.ts';
import {
  createWorkload,
  newFolder,
  openStore,
  registerWorkflow,
  type Workload,
} from './workload.ts';

/**
 * `npm run bench`: what the engine does on this machine, beside the bare SQLite ceiling of the same run.
 * `--quick` runs a tenth of the load. Exits 1 when a bar of the design is missed.
 */
const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const scale = options.quick ? 0.1 : 1;
const RUNS = Math.round(10_000 * scale);
const IDLE_RUNS = Math.round(300 * scale);
/** A run in flight is one whose start is durable and whose end is not. */
const RUNS_IN_FLIGHT = 256;
const WORKER_SLOTS = 128;
/** A start and three completions. */
const COMMITS_PER_WORKFLOW = 4;

interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the design asks for. */
  readonly bar?: string;
  readonly isMet?: boolean;
}
const figures: Figure[] = [];

function report(
  name: string,
  value: number,
  unit: string,
  bar?: { text: string; isMet: boolean },
): void {
  figures.push({ name, value, unit, ...(bar && { bar: bar.text, isMet: bar.isMet }) });
  if (!options.json) console.error(`… ${name}: ${format(value)} ${unit}`);
}

async function benchStore(kind: 'memory' | 'sqlite'): Promise<void> {
  const folder = newFolder();
  try {
    const store = await openStore(kind, folder);
    report(`${kind}: commits/s`, await commitsPerSecond(store), '1/s');
    const workload = await createWorkload(store, WORKER_SLOTS);
    const plan = await registerWorkflow(store, 3, 'chain');
    await saturate(workload, plan, Math.round(RUNS / 10)); // warm
    const perSecond = await saturate(workload, plan, RUNS);
    const bar = kind === 'sqlite' ? await sqliteBar(folder, perSecond) : undefined;
    report(`${kind}: three-step workflows/s`, perSecond, '1/s', bar);
    report(`${kind}: steps/s`, perSecond * 3, '1/s');
    await idleLatency(kind, workload, plan);
    await memoryAfterRuns(kind);
    await workload.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function commitsPerSecond(store: Store): Promise<number> {
  const count = Math.round(20_000 * scale);
  const event = JSON.stringify({ body: 'x'.repeat(480) });
  const elapsedMs = await timed(() =>
    inFlight(count, RUNS_IN_FLIGHT, async (index) => {
      const result = await store.commit({
        key: { tenant: 'bench', runId: `commit-${index}` },
        expectedVersion: 0,
        commands: [{ id: 'start', answer: null }],
        events: [event],
        enqueue: [],
        recall: [],
        timers: [],
        cancelTimers: [],
        messages: [],
      });
      if (result.kind !== 'committed') throw new Error(result.kind);
    }),
  );
  return count / (elapsedMs / 1_000);
}

async function saturate(workload: Workload, plan: Plan, count: number): Promise<number> {
  const elapsedMs = await timed(() =>
    inFlight(count, RUNS_IN_FLIGHT, () => toTheEnd(workload, plan)),
  );
  return count / (elapsedMs / 1_000);
}

async function toTheEnd(workload: Workload, plan: Plan): Promise<void> {
  const { runId } = await workload.start(plan);
  await workload.ended({ tenant: 'default', runId });
}

async function sqliteBar(
  folder: string,
  perSecond: number,
): Promise<{ text: string; isMet: boolean }> {
  const commits = Math.round(40_000 * scale);
  const bare = await bareCommitsPerSecond(folder, commits, 32);
  const ceiling = bare / COMMITS_PER_WORKFLOW;
  report('bare SQLite: commits/s in groups of 32', bare, '1/s');
  report('bare SQLite: workflows/s (4 commits each)', ceiling, '1/s');
  report('engine / bare SQLite', perSecond / ceiling, '');
  return { text: '≥ 4,000 or half of bare', isMet: perSecond >= 4_000 || perSecond >= ceiling / 2 };
}

async function idleLatency(kind: string, workload: Workload, plan: Plan): Promise<void> {
  const latencies: number[] = [];
  for (let run = 0; run < IDLE_RUNS; run += 1)
    latencies.push(await timed(() => toTheEnd(workload, plan)));
  report(`${kind}: idle start-to-done p50`, median(latencies), 'ms');
  report(`${kind}: idle start-to-done p99`, percentile(latencies, 0.99), 'ms');
}

async function memoryAfterRuns(kind: string): Promise<void> {
  globalThis.gc?.();
  report(`${kind}: heap after ${RUNS} runs`, process.memoryUsage().heapUsed / 2 ** 20, 'MiB');
  report(`${kind}: resident after ${RUNS} runs`, process.memoryUsage.rss() / 2 ** 20, 'MiB');
}

function layered(count: number): { id: string; uses: string; with: object; needs: string[] }[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `s${index}`,
    uses: 'shell',
    with: { command: ['noop'] },
    needs: [1, 7, 40].filter((back) => index >= back).map((back) => `s${index - back}`),
  }));
}

async function benchPlanner(): Promise<void> {
  const limits: Record<number, number> = { 1_000: 10, 100_000: 500 };
  for (const count of [1_000, 10_000, 100_000]) {
    const needs = layered(count).map((step) => step.needs.map((id) => Number(id.slice(1))));
    const times = [];
    for (let round = 0; round < 7; round += 1)
      times.push(await timed(() => void buildGraph(needs)));
    const limitMs = limits[count];
    const bar = limitMs && { text: `≤ ${limitMs} ms`, isMet: median(times) <= limitMs };
    report(`planner alone, ${count} steps`, median(times), 'ms', bar || undefined);
  }
  for (const count of [1_000, 10_000]) {
    const definition = { name: 'planned', steps: layered(count) };
    const times = [];
    for (let round = 0; round < 21; round += 1)
      times.push(await timed(() => void parseDefinition(definition)));
    const bar = { text: '≤ 10 ms', isMet: median(times) <= 10 };
    report(
      `validate, compile and plan, ${count} steps`,
      median(times),
      'ms',
      count === 1_000 ? bar : undefined,
    );
  }
}

async function benchLargeRuns(): Promise<void> {
  for (const shape of ['fan', 'chain'] as const)
    for (const steps of options.quick ? [1_000, 2_000] : [2_500, 5_000, 10_000]) {
      const folder = newFolder();
      try {
        const workload = await createWorkload(await openStore('sqlite', folder), WORKER_SLOTS);
        const plan = await registerWorkflow(workload.store, steps, shape);
        const written = countBytes(workload.store);
        const elapsedMs = await timed(() => toTheEnd(workload, plan));
        report(`one run of ${steps} steps (${shape})`, elapsedMs, 'ms');
        report(
          `one run of ${steps} steps (${shape}): history + snapshots written`,
          written(),
          'bytes',
        );
        await workload.close();
        report(
          `one run of ${steps} steps (${shape}): database file`,
          statSync(join(folder, 'bench.db')).size,
          'bytes',
        );
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
}

/** Counts what commits write from now on. */
function countBytes(store: Store): () => number {
  let bytes = 0;
  const commit = store.commit.bind(store);
  store.commit = (request) => {
    bytes += request.snapshot?.data.length ?? 0;
    for (const event of request.events) bytes += event.length;
    return commit(request);
  };
  return () => bytes;
}

function format(value: number): string {
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

function print(): void {
  if (options.json) return console.log(JSON.stringify(figures, null, 2));
  const table = new Table({
    head: ['measure', 'value', 'unit', 'bar', ''],
    style: { head: [], border: [], compact: true },
  });
  for (const { name, value, unit, bar, isMet } of figures)
    table.push([
      name,
      format(value),
      unit,
      bar ?? '',
      isMet === undefined ? '' : isMet ? 'met' : 'MISSED',
    ]);
  console.log(table.toString());
}

/** Spawn of the built server to the answer of `initialize`, with the official client. */
async function benchStartup(): Promise<void> {
  const folder = newFolder();
  const environment = {
    HOME: folder,
    BATON_STORE: join(folder, 'baton.db'),
    BATON_LOG_FILE: join(folder, 'log'),
  };
  const times = [];
  for (let start = 0; start < 7; start += 1) {
    const startedAtMs = performance.now();
    const server = await startBatonProcess(environment);
    times.push(performance.now() - startedAtMs);
    await server.close();
  }
  rmSync(folder, { recursive: true, force: true });
  const bar = { text: '≤ 1,000 ms', isMet: median(times) <= 1_000 };
  report('server ready over stdio (median of 7 starts)', median(times), 'ms', bar);
}

await benchStartup();
await benchPlanner();
await benchStore('memory');
await benchStore('sqlite');
await benchLargeRuns();
print();
process.exitCode = figures.some(({ isMet }) => isMet === false) ? 1 : 0;
