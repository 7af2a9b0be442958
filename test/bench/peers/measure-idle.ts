import { median, percentile } from '../measure.ts';
import { AskedProcess } from './asked-process.ts';
import type { BenchRequest } from './bench-process.ts';
import { socketOf, startBenchRedis, type Fsync } from './redis-usage.ts';
import type { SystemSpec } from './system.ts';

export interface IdleFigures {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** From the call that starts a run to its known end, one run at a time, in one process. */
export async function measureIdle(
  spec: SystemSpec,
  { fsync, runs }: { readonly fsync: Fsync; readonly runs: number },
): Promise<IdleFigures> {
  const server = await startBenchRedis(fsync);
  const child = new AskedProcess<BenchRequest>('bench-process.ts');
  try {
    const socket = socketOf(server);
    await child.ask({ do: 'open', spec: { ...spec, socket, role: 'both', holds: false } });
    await child.ask({ do: 'idle', runs: Math.ceil(runs / 2) }); // warm
    const latenciesMs = await child.ask<number[]>({ do: 'idle', runs });
    await child.close();
    return { p50Ms: median(latenciesMs), p99Ms: percentile(latenciesMs, 0.99) };
  } finally {
    child.kill();
    await server.remove();
  }
}
