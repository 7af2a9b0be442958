import { z } from 'zod';
import type { Clock } from '../../ports/clock.ts';
import type { KeyValueStore } from '../../ports/key-value-store.ts';

const CONSUMERS_NAMESPACE = 'bus_consumers';
const LEASES_NAMESPACE = 'bus_consumer_leases';
/** A consumer that was not heard of for this long is forgotten, and with it its place. */
const REMEMBERED_MS = 30 * 86_400_000;
/** Of a tenant. */
export const MAX_CONSUMERS = 1_000;

export const CONSUMER_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

const consumerRecordSchema = z.object({
  name: z.string(),
  topics: z.array(z.string()),
  /** Everything up to here was acknowledged. */
  cursor: z.string(),
  /** Of the process that holds it, or held it last. */
  holder: z.string(),
  acknowledgedAtMs: z.number(),
});
/** A durable consumer: its place in the feed outlives every process. */
export type ConsumerRecord = Readonly<z.infer<typeof consumerRecordSchema>>;

interface ConsumerKey {
  readonly tenant: string;
  readonly name: string;
}

/** By name. */
export async function listConsumers(
  store: KeyValueStore,
  tenant: string,
): Promise<ConsumerRecord[]> {
  const entries = await store.listValues(CONSUMERS_NAMESPACE);
  return entries.flatMap(({ key, value }) =>
    key.startsWith(`${tenant}/`) ? (consumerRecordSchema.safeParse(value).data ?? []) : [],
  );
}

/** Whether somebody holds it at this moment. */
export async function isHeld(store: KeyValueStore, key: ConsumerKey): Promise<boolean> {
  return (await store.getValue(LEASES_NAMESPACE, keyOf(key))) !== undefined;
}

export type Taken =
  | { readonly kind: 'taken'; readonly held: HeldConsumer }
  | { readonly kind: 'busy' }
  | { readonly kind: 'too_many' };

/**
 * Takes the consumer for this process, or finds that another holds it. Its place is that of the last acknowledgement, for a
 * new one `start()`; the topics are those given now. Two guards: a lease by the store's clock keeps others away while the
 * holder lives, and the record's revision refuses whoever was too slow to notice that it had run out.
 */
export async function takeConsumer(
  ports: { readonly store: KeyValueStore; readonly clock: Clock },
  request: ConsumerKey & {
    readonly topics: readonly string[];
    /** Unique to this taking. */
    readonly holder: string;
    readonly leaseMs: number;
    start(): Promise<string>;
  },
): Promise<Taken> {
  const { store, clock } = ports;
  const key = keyOf(request);
  const { name, holder, leaseMs } = request;
  const lease =
    (await store.setValue(LEASES_NAMESPACE, key, holder, {
      ttlMs: leaseMs,
      expectedRevision: 0,
    })) ?? (await findLease(store, key, holder));
  if (lease === undefined) return { kind: 'busy' };
  const held = new HeldConsumer({ store, clock, key, leaseMs, lease });
  const entry = await store.getValue(CONSUMERS_NAMESPACE, key);
  const before = consumerRecordSchema.safeParse(entry?.value).data;
  const isTooMany =
    before === undefined && (await listConsumers(store, request.tenant)).length >= MAX_CONSUMERS;
  const record: ConsumerRecord = {
    name,
    topics: [...request.topics],
    cursor: before?.cursor ?? (isTooMany ? '' : await request.start()),
    holder,
    acknowledgedAtMs: before?.acknowledgedAtMs ?? clock.now(),
  };
  if (!isTooMany && (await held.begin(record, entry?.revision ?? 0)))
    return { kind: 'taken', held };
  await held.release();
  return { kind: isTooMany ? 'too_many' : 'busy' };
}

/** A consumer in the hands of this process, until somebody else has taken it. Calls follow one another. */
export class HeldConsumer {
  readonly #store: KeyValueStore;
  readonly #clock: Clock;
  readonly #key: string;
  readonly #leaseMs: number;
  #lease: number | undefined;
  #record: ConsumerRecord | undefined;
  #revision = 0;

  constructor(parts: {
    readonly store: KeyValueStore;
    readonly clock: Clock;
    readonly key: string;
    readonly leaseMs: number;
    readonly lease: number;
  }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#key = parts.key;
    this.#leaseMs = parts.leaseMs;
    this.#lease = parts.lease;
  }

  /** Everything up to here was acknowledged. */
  get cursor(): string {
    return this.#record?.cursor ?? '';
  }

  /** Puts this holder's name on the record; false: somebody else was faster. */
  begin(record: ConsumerRecord, revision: number): Promise<boolean> {
    this.#revision = revision;
    return this.#write(record);
  }

  /**
   * The next holder begins after this cursor: durable when it answers true. False: another process has taken the consumer,
   * nothing was changed. Repeating it is safe.
   */
  acknowledge(cursor: string): Promise<boolean> {
    if (this.#record === undefined) return Promise.resolve(false);
    if (cursor === this.#record.cursor) return Promise.resolve(true);
    return this.#write({ ...this.#record, cursor, acknowledgedAtMs: this.#clock.now() });
  }

  /** Holds it for another lease from now. False: it ran out, and others may have it. */
  async renew(): Promise<boolean> {
    const holder = this.#record?.holder;
    if (holder === undefined || this.#lease === undefined) return false;
    const options = { ttlMs: this.#leaseMs, expectedRevision: this.#lease };
    const renewed = await this.#store.setValue(LEASES_NAMESPACE, this.#key, holder, options);
    this.#lease = renewed ?? (await findLease(this.#store, this.#key, holder));
    return this.#lease !== undefined;
  }

  /** Others need not wait for the lease to run out. */
  async release(): Promise<void> {
    if (this.#lease === undefined) return;
    await this.#store.deleteValue(LEASES_NAMESPACE, this.#key, this.#lease);
    this.#lease = undefined;
  }

  async #write(record: ConsumerRecord): Promise<boolean> {
    const options = { ttlMs: REMEMBERED_MS, expectedRevision: this.#revision };
    const revision =
      (await this.#store.setValue(CONSUMERS_NAMESPACE, this.#key, record, options)) ??
      (await this.#adopt(record));
    if (revision === undefined) return false;
    this.#revision = revision;
    this.#record = record;
    return true;
  }

  /** A write whose answer was lost has moved the revision: ours, if the record still names us. */
  async #adopt(record: ConsumerRecord): Promise<number | undefined> {
    const entry = await this.#store.getValue(CONSUMERS_NAMESPACE, this.#key);
    const found = consumerRecordSchema.safeParse(entry?.value).data;
    if (entry === undefined || found?.holder !== record.holder) return undefined;
    const options = { ttlMs: REMEMBERED_MS, expectedRevision: entry.revision };
    return this.#store.setValue(CONSUMERS_NAMESPACE, this.#key, record, options);
  }
}

/** Of a writing whose answer was lost. */
async function findLease(
  store: KeyValueStore,
  key: string,
  holder: string,
): Promise<number | undefined> {
  const entry = await store.getValue(LEASES_NAMESPACE, key);
  return entry?.value === holder ? entry.revision : undefined;
}

function keyOf({ tenant, name }: ConsumerKey): string {
  return `${tenant}/${name}`;
}
