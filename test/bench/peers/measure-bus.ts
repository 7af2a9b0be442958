import type { BusFigures } from '../bus.ts';
import { AskedProcess } from './asked-process.ts';
import type { BusRequest } from './bus-process.ts';
import { redisCpuMicros, startBenchRedis, type Fsync } from './redis-usage.ts';

export interface BusLoadFigures extends BusFigures {
  /** The warming up counted in. */
  readonly redisMicrosPerEvent: number;
}

/** Events a second through Baton's bus: published, read and acknowledged by one process on a fresh server. */
export async function measureBusLoad(
  eventsPerEntry: number,
  { fsync, events }: { readonly fsync: Fsync; readonly events: number },
): Promise<BusLoadFigures> {
  const server = await startBenchRedis(fsync);
  const child = new AskedProcess<BusRequest>('bus-process.ts');
  try {
    const before = await redisCpuMicros(server);
    const request = { do: 'measure', storeUrl: server.url, eventsPerEntry, events } as const;
    const figures = await child.ask<BusFigures>(request);
    const redisMicros = (await redisCpuMicros(server)) - before;
    await child.close();
    return {
      eventsPerSecond: figures.eventsPerSecond,
      cpuMicrosPerEvent: figures.cpuMicrosPerEvent,
      redisMicrosPerEvent: redisMicros / (events * 1.1),
    };
  } finally {
    child.kill();
    await server.remove();
  }
}
