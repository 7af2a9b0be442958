import { setTimeout as pause } from 'node:timers/promises';
import { performance } from 'node:perf_hooks';
import type { RedisServer } from '../../support/redis-server.ts';
import { AskedProcess } from './asked-process.ts';
import type { BenchRequest, Sample } from './bench-process.ts';
import { redisCpuMicros, socketOf, startBenchRedis, type Fsync } from './redis-usage.ts';
import type { ProcessSpec, SystemSpec } from './system.ts';

type BenchChild = AskedProcess<BenchRequest>;

export const RUNS_IN_FLIGHT = 256;

const MIN_RUNS = 1_000;
const MAX_STRETCHES = 4;

export interface LoadOptions {
  readonly fsync: Fsync;
  /** 0: one process starts and works; else a process that starts, and so many that work. */
  readonly workers: number;
  readonly warmMs: number;
  readonly windowMs: number;
}

export interface LoadFigures {
  readonly perSecond: number;
  /** CPU time a run. */
  readonly redisMicros: number;
  readonly nodeMicros: number;
  /** Share of a core over the window: what limits is near 1. */
  readonly redisCores: number;
  readonly starterCores: number;
  /** Of all workers together; 0 where the starter works too. */
  readonly workerCores: number;
}

/**
 * Runs a second while `RUNS_IN_FLIGHT` (a worker process) are always under way, counted over a window after warming up.
 * Everything is fresh: server, data, processes.
 */
export async function measureLoad(spec: SystemSpec, options: LoadOptions): Promise<LoadFigures> {
  const server = await startBenchRedis(options.fsync);
  const children: BenchChild[] = [];
  try {
    return await loadAndMeasure(spec, options, server, children);
  } finally {
    for (const child of children) child.kill();
    await server.remove();
  }
}

async function loadAndMeasure(
  spec: SystemSpec,
  { workers, warmMs, windowMs }: LoadOptions,
  server: RedisServer,
  children: BenchChild[],
): Promise<LoadFigures> {
  const socket = socketOf(server);
  const role = workers === 0 ? 'both' : 'starter';
  const open = async (as: ProcessSpec['role']): Promise<BenchChild> => {
    const child = new AskedProcess<BenchRequest>('bench-process.ts');
    children.push(child);
    await child.ask({ do: 'open', spec: { ...spec, socket, role: as, holds: false } });
    return child;
  };
  const starter = await open(role);
  for (let worker = 0; worker < workers; worker += 1) {
    const child = await open('worker');
    child.onTold = (ended) => starter.tell(ended);
  }
  await starter.ask({ do: 'load', inFlight: RUNS_IN_FLIGHT * Math.max(1, workers) });
  const started = await takeUsage(server, children);
  const before = await pass(warmMs, started, server, children);
  const after = await pass(windowMs, before, server, children);
  await starter.ask({ do: 'drain' });
  for (const child of children.splice(0)) await child.close();
  return figuresOf(before, after);
}

/** Longer where the machine is busy with something else: a few runs tell nothing. */
async function pass(
  timeMs: number,
  since: Usage,
  server: RedisServer,
  children: readonly BenchChild[],
): Promise<Usage> {
  for (let stretch = 1; ; stretch += 1) {
    await pause(timeMs);
    const usage = await takeUsage(server, children);
    if (usage.starter.ended - since.starter.ended >= MIN_RUNS || stretch === MAX_STRETCHES)
      return usage;
  }
}

interface Usage {
  readonly atMs: number;
  readonly redisMicros: number;
  readonly starter: { readonly ended: number; readonly cpuMicros: number };
  readonly workerMicros: number;
}

async function takeUsage(server: RedisServer, children: readonly BenchChild[]): Promise<Usage> {
  const redisMicros = await redisCpuMicros(server);
  const [starter, ...workers] = await Promise.all(
    children.map((child) => child.ask<Sample>({ do: 'sample' })),
  );
  if (starter === undefined) throw new Error('nobody starts');
  const workerMicros = workers.reduce((sum, { cpuMicros }) => sum + cpuMicros, 0);
  return { atMs: performance.now(), redisMicros, starter, workerMicros };
}

function figuresOf(before: Usage, after: Usage): LoadFigures {
  const runs = after.starter.ended - before.starter.ended;
  const elapsedMicros = (after.atMs - before.atMs) * 1_000;
  const redis = after.redisMicros - before.redisMicros;
  const starter = after.starter.cpuMicros - before.starter.cpuMicros;
  const workers = after.workerMicros - before.workerMicros;
  return {
    perSecond: runs / (elapsedMicros / 1e6),
    redisMicros: redis / runs,
    nodeMicros: (starter + workers) / runs,
    redisCores: redis / elapsedMicros,
    starterCores: starter / elapsedMicros,
    workerCores: workers / elapsedMicros,
  };
}

/**
 * Runs a second if the busiest process had a core for itself: what it took of one is what it needed. What else the machine
 * does hardly changes it.
 */
export function byCpu(found: LoadFigures | undefined, workers = 1): number {
  if (found === undefined) return Number.NaN;
  const { perSecond, redisCores, starterCores, workerCores } = found;
  return perSecond / Math.max(redisCores, starterCores, workerCores / workers);
}
