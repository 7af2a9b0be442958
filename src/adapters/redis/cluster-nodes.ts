import type { RedisOptions } from 'ioredis';
import type { Logger } from '../../ports/logger.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import { firstOf } from './first-of.ts';
import { keySlot } from './key-slot.ts';
import { RedisClient } from './redis-client.ts';
import { RedisConnection } from './redis-connection.ts';
import { describeFailure, replyCode } from './redis-failure.ts';
import type { RedisNodes, Send } from './redis-nodes.ts';
import { RedisStoreError } from './redis-store-error.ts';
import type { RedisAddress } from './redis-url.ts';
import { integer, list } from './reply.ts';
import type { Reply } from './reply.ts';

/** Slots move one by one, and a move is over soon. */
const MAX_REDIRECTIONS = 5;
const SLOTS = 16_384;

interface Place {
  readonly host: string;
  readonly port: number;
}

interface SlotRange {
  readonly first: number;
  readonly last: number;
  readonly place: Place;
}

/**
 * The primaries of a Cluster. Where a shard is, any node tells; that it has moved, the node that had it: a command that is
 * sent elsewhere (MOVED, ASK) was not applied. When a node does not answer, the others are asked who took its place.
 */
export class ClusterNodes implements RedisNodes {
  readonly #options: RedisOptions;
  /** Asked where to go while nothing else is known. */
  readonly #seeds: readonly Place[];
  readonly #logger: Logger;
  readonly #connections = new Map<string, RedisConnection>();
  #ranges: readonly SlotRange[] = [];
  #replaced: () => void = () => undefined;
  #refreshing: Promise<void> | undefined;

  private constructor({ options, seeds }: RedisAddress, logger: Logger) {
    this.#options = options;
    this.#seeds = seeds;
    this.#logger = logger;
  }

  /** Rejects with what went wrong when no node of the URL answers. */
  static async connect(address: RedisAddress, logger: Logger): Promise<ClusterNodes> {
    const nodes = new ClusterNodes(address, logger);
    const { options, seeds } = address;
    nodes.#ranges = await firstOf(
      seeds.map((seed) => askForRanges({ ...options, ...seed }, seed, logger)),
    );
    assertAllSlots(nodes.#ranges);
    return nodes;
  }

  async send(
    shard: number,
    name: string,
    args: (string | Buffer)[],
    isBinary = false,
  ): Promise<Reply> {
    let place = await this.#placeOf(shard);
    let isAsking = false;
    for (let redirections = 0; ; redirections += 1) {
      const connection = this.#connectionTo(place);
      try {
        // Both are written in one turn, the permission first.
        if (isAsking) void connection.call('asking', []).catch(() => undefined);
        return await connection.call(name, args, isBinary);
      } catch (error) {
        const redirection = readRedirection(error, place);
        if (error instanceof StoreUnavailableError) this.#refreshSoon();
        if (!redirection || redirections >= MAX_REDIRECTIONS) throw error;
        ({ place, isAsking } = redirection);
        if (!isAsking) this.#refreshSoon();
      }
    }
  }

  each(): readonly Send[] {
    const places = new Map(this.#ranges.map(({ place }) => [nameOf(place), place]));
    return [...places.values()].map(
      (place) => (name, args, isBinary) => this.#connectionTo(place).call(name, args, isBinary),
    );
  }

  groups(shardCount: number): readonly (readonly number[])[] {
    return Array.from({ length: shardCount }, (_, shard) => [shard]);
  }

  async connect(shard: number): Promise<RedisClient> {
    const place = await this.#placeOf(shard);
    try {
      return await RedisClient.connect({ ...this.#options, ...place });
    } catch (error) {
      this.#refreshSoon();
      throw error;
    }
  }

  onReplaced(listener: () => void): void {
    this.#replaced = listener;
    for (const connection of this.#connections.values()) connection.onReplaced(listener);
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close();
  }

  #connectionTo(place: Place): RedisConnection {
    const name = nameOf(place);
    let connection = this.#connections.get(name);
    if (!connection) {
      connection = new RedisConnection({ ...this.#options, ...place }, this.#logger);
      connection.onReplaced(() => this.#replaced());
      this.#connections.set(name, connection);
    }
    return connection;
  }

  async #placeOf(shard: number): Promise<Place> {
    const slot = keySlot(String(shard));
    const find = (): Place | undefined =>
      this.#ranges.find(({ first, last }) => first <= slot && slot <= last)?.place;
    const place = find();
    if (place) return place;
    await this.#refresh();
    const found = find();
    if (found) return found;
    throw new StoreUnavailableError(
      `the Redis Cluster has no node for slot ${slot} (shard ${shard}); see CLUSTER INFO; nothing was sent`,
    );
  }

  #refreshSoon(): void {
    void this.#refresh();
  }

  /** The first node that answers tells all. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#readRanges().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #readRanges(): Promise<void> {
    const places = [...this.#ranges.map(({ place }) => place), ...this.#seeds];
    const asked = new Map(places.map((place) => [nameOf(place), place]));
    try {
      const before = JSON.stringify(this.#ranges);
      this.#ranges = await Promise.any(
        [...asked.values()].map(async (place) =>
          readRanges(await this.#connectionTo(place).call('cluster', ['slots']), place),
        ),
      );
      // A replica may have taken the place of its primary, with less than that had acknowledged.
      if (JSON.stringify(this.#ranges) !== before) this.#replaced();
    } catch (error) {
      this.#logger.warn({ reason: describeFailure(error) }, 'no node of the Redis Cluster answers');
    }
  }
}

function nameOf({ host, port }: Place): string {
  return `${host}:${port}`;
}

async function askForRanges(
  options: RedisOptions,
  asked: Place,
  logger: Logger,
): Promise<readonly SlotRange[]> {
  const seed = new RedisConnection(options, logger);
  try {
    await seed.connect();
    return readRanges(await seed.call('cluster', ['slots']), asked);
  } finally {
    seed.close();
  }
}

function assertAllSlots(ranges: readonly SlotRange[]): void {
  const served = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  if (served < SLOTS)
    throw new RedisStoreError(
      'server',
      `only ${served} of the ${SLOTS} slots of the Cluster have a node; see CLUSTER INFO, and repair it before Baton uses it`,
    );
}

/** first slot, last slot, primary, replicas …; a node without a host is the one that was asked. */
function readRanges(reply: Reply, asked: Place): readonly SlotRange[] {
  return list(reply).map((range) => {
    const [first, last, primary] = list(range);
    const [host, port] = list(primary);
    const place = {
      host: typeof host === 'string' && host !== '' ? host : asked.host,
      port: integer(port),
    };
    return { first: integer(first), last: integer(last), place };
  });
}

/** `MOVED slot host:port` or `ASK slot host:port`; without a host: that of the node that answered. */
function readRedirection(
  error: unknown,
  asked: Place,
): { readonly place: Place; readonly isAsking: boolean } | undefined {
  const code = replyCode(error);
  if (code !== 'MOVED' && code !== 'ASK') return undefined;
  const target = describeFailure(error).split(' ')[2] ?? '';
  const colon = target.lastIndexOf(':');
  const host = target.slice(0, Math.max(0, colon));
  const place = { host: host === '' ? asked.host : host, port: Number(target.slice(colon + 1)) };
  return { place, isAsking: code === 'ASK' };
}
