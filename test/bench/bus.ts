import { LOCAL_CALLER } from '../../src/application/access/access.ts';
import { rmSync } from 'node:fs';
import { createRedisStore } from '../../src/adapters/redis/redis-store.ts';
import { randomIdSource } from '../../src/adapters/system/random-id-source.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { createConsumeTopics } from '../../src/application/bus/consume-topics.ts';
import { createPlanCache } from '../../src/application/commands/plan-cache.ts';
import type { Store } from '../../src/ports/store.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { inFlight, timed } from './measure.ts';
import { newFolder, openStore, silentLogger } from './workload.ts';

/** Calls of `publish` that wait for their answer at once. */
const IN_FLIGHT = 1_000;
const BODY = { text: 'x'.repeat(88) };

export interface BusFigures {
  /** Published, read by a durable consumer and acknowledged, all by one process. */
  readonly eventsPerSecond: number;
  readonly cpuMicrosPerEvent: number;
}

/**
 * Publishes messages of 100 bytes, `eventsPerEntry` in a call (the store packs calls of one moment), while a durable consumer reads and acknowledges them page by
 * page. Throws when one is missing, comes twice or out of order.
 */
export async function measureBus(
  store: Store,
  { eventsPerEntry, events = 300_000 }: { eventsPerEntry: number; events?: number },
): Promise<BusFigures> {
  const topic = `bench.${randomIdSource.newId()}`;
  const calls = Math.ceil(events / eventsPerEntry);
  const total = calls * eventsPerEntry;
  const cpu = process.cpuUsage();
  const elapsedMs = await timed(() =>
    Promise.all([publishAll(store, topic, calls, eventsPerEntry), consumeAll(store, topic, total)]),
  );
  const { user, system } = process.cpuUsage(cpu);
  return {
    eventsPerSecond: total / (elapsedMs / 1_000),
    cpuMicrosPerEvent: (user + system) / total,
  };
}

function publishAll(store: Store, topic: string, calls: number, perCall: number): Promise<void> {
  return inFlight(calls, IN_FLIGHT, async (call) => {
    const messages = Array.from({ length: perCall }, (_, at) => ({
      topic,
      body: { n: call * perCall + at, ...BODY },
    }));
    const { published } = await store.publish('bench', messages);
    if (published !== perCall) throw new Error(`published ${published} of ${perCall}`);
  });
}

async function consumeAll(store: Store, topic: string, total: number): Promise<void> {
  const ports = { store, clock: systemClock, ids: randomIdSource, plans: createPlanCache(store) };
  let last = -1;
  const consumed = await createConsumeTopics(ports)(
    { ...LOCAL_CALLER, tenant: 'bench', actor: 'bench', causationId: 'bench' },
    { consumer: topic, topics: [topic], after: 'oldest', follow: true, limit: total },
    {
      onPage: async ({ messages, gap }) => {
        if (gap) throw new Error('the consumer was too slow');
        for (const { body } of messages) {
          const n = (body as { n: number }).n; // as publishAll wrote it
          if (n !== last + 1) throw new Error(`${n} came after ${last}`);
          last = n;
        }
      },
    },
  );
  if (!consumed.ok) throw new Error(consumed.error.message);
  if (last + 1 !== total) throw new Error(`${last + 1} of ${total} came`);
}

async function report(name: string, store: Store, events: number): Promise<void> {
  await measureBus(store, { eventsPerEntry: 1, events: events / 10 }); // warm
  for (const eventsPerEntry of [1, 10]) {
    const { eventsPerSecond, cpuMicrosPerEvent } = await measureBus(store, {
      eventsPerEntry,
      events,
    });
    console.log(
      `${name}, ${eventsPerEntry} a call: ${Math.round(eventsPerSecond).toLocaleString('en-US')} events/s, ${cpuMicrosPerEvent.toFixed(1)} µs of Node an event`,
    );
  }
}

/** `node test/bench/bus.ts`; `--quick`: a fifth of the load. */
async function main(): Promise<void> {
  const scale = process.argv.includes('--quick') ? 0.2 : 1;
  for (const fsync of ['everysec', 'always']) {
    const server = await startRedisServer('--appendfsync', fsync);
    const options = { url: server.url, ids: randomIdSource, logger: silentLogger };
    const store = await createRedisStore(options);
    await report(`redis (${fsync})`, store, 300_000 * scale);
    await store.close();
    await server.remove();
  }
  const folder = newFolder();
  const store = await openStore('sqlite', folder);
  // A call is a row here: no more of them than the feed keeps, whatever the consumer's speed.
  await report('sqlite', store, 80_000 * scale);
  await store.close();
  rmSync(folder, { recursive: true, force: true });
}

if (process.argv[1] === import.meta.filename) await main();
