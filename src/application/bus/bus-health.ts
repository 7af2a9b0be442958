import type { Clock } from '../../ports/clock.ts';
import type { Store } from '../../ports/store.ts';
import { isHeld, listConsumers } from './consumer-records.ts';
import { isoTime } from '../runs/step-view.ts';

/** Entries that a consumer has not looked at are not counted further. */
const MAX_COUNTED_ENTRIES = 1_000;
/** Consumers whose entries are counted. */
const MAX_CONSUMERS_SHOWN = 20;

export interface ConsumerHealth {
  readonly name: string;
  readonly topics: readonly string[];
  /** Some process holds it at this moment. */
  readonly isHeld: boolean;
  /** Entries of the feed after its place, of all topics, wanted or not; at most 1,000 are counted. */
  readonly unreadEntries: number;
}

/** The message bus and the key-value store, each asked once. */
export interface BusHealth {
  readonly busRoundTripMs: number;
  readonly keyValueRoundTripMs: number;
  /** Commits and publications that the feed keeps. */
  readonly entries: number;
  readonly oldestAtMs?: number;
  /** Of the tenant, by name; at most 20. */
  readonly consumers: readonly ConsumerHealth[];
  readonly consumerCount: number;
}

/** Throws StoreUnavailableError. */
export async function checkBus(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  tenant: string,
): Promise<BusHealth> {
  const bus = await timed(clock, () => store.feedStatus());
  const { value: records, roundTripMs } = await timed(clock, () => listConsumers(store, tenant));
  const consumers = await Promise.all(
    records.slice(0, MAX_CONSUMERS_SHOWN).map(async ({ name, topics, cursor }) => ({
      name,
      topics,
      isHeld: await isHeld(store, { tenant, name }),
      unreadEntries:
        cursor === '' ? bus.value.entries : await store.countFeed(cursor, MAX_COUNTED_ENTRIES),
    })),
  );
  return {
    busRoundTripMs: bus.roundTripMs,
    keyValueRoundTripMs: roundTripMs,
    ...bus.value,
    consumers,
    consumerCount: records.length,
  };
}

/** One line for people. */
export function busText(health: BusHealth): string {
  const { busRoundTripMs, keyValueRoundTripMs, entries, oldestAtMs, consumerCount } = health;
  const age = oldestAtMs === undefined ? '' : `, the oldest of ${isoTime(oldestAtMs)}`;
  const count = consumerCount === 1 ? '1 consumer' : `${consumerCount} consumers`;
  return `${entries} entries in the feed${age}; ${count}; answered in ${busRoundTripMs} ms, the key-value store in ${keyValueRoundTripMs} ms`;
}

/** The entries are of all topics: how many of them are for this consumer is known when it looks. */
export function consumerText(consumer: ConsumerHealth): string {
  const { name, topics, isHeld: held, unreadEntries } = consumer;
  const count =
    unreadEntries >= MAX_COUNTED_ENTRIES ? `${MAX_COUNTED_ENTRIES} or more` : String(unreadEntries);
  const unread = `${count} ${unreadEntries === 1 ? 'entry' : 'entries'} of the feed (all topics) not looked at yet`;
  return `${name} (${topics.join(' ')}): ${unread}, ${held ? 'held' : 'nobody holds it'}`;
}

async function timed<Value>(
  clock: Clock,
  ask: () => Promise<Value>,
): Promise<{ readonly value: Value; readonly roundTripMs: number }> {
  const startedAtMs = clock.now();
  const value = await ask();
  return { value, roundTripMs: clock.now() - startedAtMs };
}
