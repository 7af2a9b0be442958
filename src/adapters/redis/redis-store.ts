import type { Clock } from '../../ports/clock.ts';
import type { IdSource } from '../../ports/id-source.ts';
import type { Logger } from '../../ports/logger.ts';
import { MAX_FEED_ENTRIES } from '../../ports/message-bus.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import type { Store, StoreDescription } from '../../ports/store.ts';
import { assertRights } from './check-rights.ts';
import {
  assertServer,
  durabilityOf,
  durabilityRank,
  readAllFacts,
  warningsOf,
} from './check-server.ts';
import { connectFailure } from './connect-failure.ts';
import { connectNodes } from './connect-nodes.ts';
import { convertStore, WRITER_PREFIX } from './convert-store.ts';
import { readFunctionLibrary } from './function-library.ts';
import type { FunctionLibrary } from './function-library.ts';
import { createRedisArtifactStore } from './redis-artifact-store.ts';
import { createRedisCatalog } from './redis-catalog.ts';
import { replyCode } from './redis-failure.ts';
import { createRedisKeyValues } from './redis-key-values.ts';
import { createRedisMessageBus } from './redis-message-bus.ts';
import { createRedisRunStore } from './redis-run-store.ts';
import type { RedisNodes } from './redis-nodes.ts';
import { RedisSession } from './redis-session.ts';
import { RedisStoreError } from './redis-store-error.ts';
import { parseRedisUrl } from './redis-url.ts';
import type { RedisAddress } from './redis-url.ts';
import { createRedisWorkSource } from './redis-work-source.ts';
import { beforeDeadline } from './start-deadline.ts';
import { openMeta, SCHEMA_VERSION } from './store-meta.ts';
import { createWakeUps } from './wake-ups.ts';
import type { WakeUps } from './wake-ups.ts';

/** One server does one thing at a time: more shards only cost there. */
const DEFAULT_SHARDS: Readonly<Record<RedisAddress['topology'], number>> = {
  single: 1,
  sentinel: 1,
  cluster: 8,
};

export interface RedisStoreOptions {
  /** See redis-url.ts for its forms. */
  readonly url: string;
  readonly ids: IdSource;
  readonly logger: Logger;
  /** Into how many parts a store is made, from 1 to 1,024; a store that exists keeps its own number. Default 1, on a Cluster 8. */
  readonly shards?: number;
  /** Commits and publications that readers of the feed may be behind, in each shard. Default: MAX_FEED_ENTRIES. */
  readonly maxFeedEntries?: number;
  /** Stands for the server's time, for tests. Default: Redis's own. */
  readonly clock?: Clock;
  /** Stands for another version of the functions, for tests. Default: those of this version. */
  readonly library?: FunctionLibrary;
}

/**
 * The store in Redis that any number of processes share. What it has acknowledged survives the death of every process
 * of Baton; what a crash of the server may cost `describe` says in words (docs/redis.conf). A process that dies midway
 * leaves whole commits only. While Redis is away every call is answered within 5 s, and works again when it is back.
 *
 * Rejects within 5 s with RedisStoreError when the server cannot be used as it is; nothing was changed then. A store of an
 * older schema is converted first, for as long as that takes.
 */
export async function createRedisStore(options: RedisStoreOptions): Promise<Store> {
  const address = parseRedisUrl(options.url);
  const { store, convert } = await beforeDeadline(
    connect(options, address),
    address.shown,
    (late) => void late.store.close(),
  );
  try {
    // As long as it takes.
    await convert();
    return store;
  } catch (error) {
    await store.close();
    throw asStartFailure(error, address);
  }
}

interface Opened {
  readonly store: Store;
  /** Raises a store of an older schema to this one: see convert-store.ts. */
  readonly convert: () => Promise<void>;
}

async function connect(options: RedisStoreOptions, address: RedisAddress): Promise<Opened> {
  const nodes = await connectNodes(address, options.logger);
  try {
    return await open(options, address, nodes);
  } catch (error) {
    nodes.close();
    throw asStartFailure(error, address);
  }
}

function asStartFailure(error: unknown, address: RedisAddress): unknown {
  if (error instanceof RedisStoreError) return error;
  if (replyCode(error) === undefined && !(error instanceof StoreUnavailableError)) return error;
  return connectFailure(error, address);
}

async function open(
  { library = readFunctionLibrary(), ...options }: RedisStoreOptions,
  address: RedisAddress,
  nodes: RedisNodes,
): Promise<Opened> {
  const { ids, logger, clock, shards, maxFeedEntries = MAX_FEED_ENTRIES } = options;
  const all = await readAllFacts(nodes);
  for (const facts of all) assertServer(facts, address);
  for (const warning of new Set(all.flatMap(warningsOf)))
    logger.warn({ store: address.shown }, warning);
  const secret = Buffer.from(ids.newId() + ids.newId()).toString('hex');
  const fresh = {
    schemaVersion: SCHEMA_VERSION,
    shards: shards ?? DEFAULT_SHARDS[address.topology],
    secret,
  };
  const meta = await openMeta(nodes, address.prefix, fresh);
  const session = new RedisSession({
    nodes,
    library,
    prefix: address.prefix,
    shardCount: meta.shards,
    writer: WRITER_PREFIX + ids.newId(),
    clock,
  });
  await assertRights(session, library.commands, address.shown);
  const wakeUps = await createWakeUps(session, nodes, logger);
  nodes.onReplaced(() => wakeUps.notify({ work: true, replaced: true }));
  const describe = createDescribe(session, nodes, address);
  return {
    store: assemble(session, wakeUps, meta.secret, describe, maxFeedEntries),
    convert: () => session.perform(() => convertStore(session, nodes, address.prefix, meta)),
  };
}

function assemble(
  session: RedisSession,
  wakeUps: WakeUps,
  secret: string,
  describe: Store['describe'],
  maxFeedEntries: number,
): Store {
  return {
    ...createRedisRunStore(session, wakeUps, maxFeedEntries),
    ...createRedisWorkSource(session, wakeUps),
    ...createRedisCatalog(session),
    ...createRedisKeyValues(session),
    ...createRedisArtifactStore(session),
    ...createRedisMessageBus(session, wakeUps, maxFeedEntries),
    onChange: (listener) => wakeUps.onChange(listener),
    secret,
    describe,
    close: async () => {
      await wakeUps.stop();
      await session.close();
    },
  };
}

function createDescribe(
  session: RedisSession,
  nodes: RedisNodes,
  { shown, prefix, topology }: RedisAddress,
): Store['describe'] {
  return (): Promise<StoreDescription> =>
    session.perform(async () => {
      const all = await readAllFacts(nodes);
      const weakest = all.toSorted((a, b) => durabilityRank(a) - durabilityRank(b))[0];
      if (!weakest) throw new StoreUnavailableError('the Redis Cluster has no node with slots');
      return {
        kind: 'redis',
        location: shown,
        durability: durabilityOf(weakest),
        schemaVersion: SCHEMA_VERSION,
        warnings: [...new Set(all.flatMap(warningsOf))],
        details: {
          redisVersion: weakest.version,
          topology,
          nodes: all.length,
          prefix,
          shards: session.shardCount,
          appendOnly: weakest.isAppendOnly,
          fsyncPolicy: weakest.fsyncPolicy,
          evictionPolicy: weakest.evictionPolicy,
          usedMemoryBytes: sum(all.map(({ usedMemoryBytes }) => usedMemoryBytes)),
          maxMemoryBytes: sum(all.map(({ maxMemoryBytes }) => maxMemoryBytes)),
        },
      };
    });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
