import { createRedisStore } from '../../../src/adapters/redis/redis-store.ts';
import { randomIdSource } from '../../../src/adapters/system/random-id-source.ts';
import { measureBus, type BusFigures } from '../bus.ts';
import { silentLogger } from '../workload.ts';
import { serveRequests } from './asked-process.ts';

/** One process publishes, reads as a durable consumer and acknowledges. */
export interface BusRequest {
  readonly do: 'measure';
  readonly storeUrl: string;
  readonly eventsPerEntry: number;
  readonly events: number;
}

serveRequests<BusRequest>({
  answer: async ({ storeUrl, eventsPerEntry, events }): Promise<BusFigures> => {
    const options = { url: storeUrl, ids: randomIdSource, logger: silentLogger };
    const store = await createRedisStore(options);
    await measureBus(store, { eventsPerEntry, events: Math.ceil(events / 10) }); // warm
    const figures = await measureBus(store, { eventsPerEntry, events });
    await store.close();
    return figures;
  },
  close: async () => undefined,
});
