import { setTimeout as pause } from 'node:timers/promises';
import { AskedProcess } from './asked-process.ts';
import type { BenchRequest } from './bench-process.ts';
import { redisMemoryBytes, socketOf, startBenchRedis } from './redis-usage.ts';
import type { SystemSpec } from './system.ts';

/** Replies, connections and the lazily freed have settled. */
const SETTLE_MS = 500;

export interface MemoryFigures {
  readonly runningBytes: number;
  readonly finishedBytes: number;
}

/**
 * Redis's memory a run, over `runs` of them: when each has its first step done and its second held by a worker, and
 * when all have ended.
 */
export async function measureMemory(spec: SystemSpec, runs: number): Promise<MemoryFigures> {
  const server = await startBenchRedis('everysec');
  const child = new AskedProcess<BenchRequest>('bench-process.ts');
  try {
    const socket = socketOf(server);
    const held = { ...spec, slots: runs, socket, role: 'both', holds: true } as const;
    await child.ask({ do: 'open', spec: held });
    const settled = async (): Promise<number> => {
      await pause(SETTLE_MS);
      return redisMemoryBytes(server);
    };
    const empty = await settled();
    await child.ask({ do: 'start', count: runs });
    await child.ask({ do: 'untilHeld', count: runs });
    const running = await settled();
    await child.ask({ do: 'release' });
    await child.ask({ do: 'drain' });
    const finished = await settled();
    await child.close();
    return { runningBytes: (running - empty) / runs, finishedBytes: (finished - empty) / runs };
  } finally {
    child.kill();
    await server.remove();
  }
}
