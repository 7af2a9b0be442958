import { setTimeout as pause } from 'node:timers/promises';
import type { ChangeFeed, StoreChange } from '../../ports/change-feed.ts';
import type { Logger } from '../../ports/logger.ts';
import type { RedisClient } from './redis-client.ts';
import { describeFailure } from './redis-failure.ts';
import type { RedisNodes } from './redis-nodes.ts';
import type { RedisSession } from './redis-session.ts';

const BLOCK_S = 5;
/** A reply that was lost is not waited for: some time after it should have come the connection is thrown away. */
const BLOCK_DEADLINE_MS = (BLOCK_S + 1) * 1_000;
/** Below the silence after which others forget this process (listen.lua). */
const ANNOUNCE_EVERY_MS = 20_000;
/** Many commits of others make one wake-up: their number a second is bounded. */
const WAKE_PAUSE_MS = 2;
const RECONNECT_PAUSE_MS = 200;

export interface WakeUps extends ChangeFeed {
  notify(change: StoreChange): void;
  /** Others need no longer wake this process. */
  stop(): Promise<void>;
}

/**
 * Tells listeners of this process's commits at once, and of other processes' through a list of its own (`ear`) in each
 * shard, which their commits push to and one blocked connection (on a Cluster one a shard) pops from: nothing is polled,
 * and its own commits cost nothing. The ears are registered from the start; the connection is built for the first
 * listener.
 */
export async function createWakeUps(
  session: RedisSession,
  nodes: RedisNodes,
  logger: Logger,
): Promise<WakeUps> {
  const wakeUps = new RedisWakeUps(session, nodes, logger);
  await wakeUps.announce();
  return wakeUps;
}

class RedisWakeUps implements WakeUps {
  readonly #session: RedisSession;
  readonly #nodes: RedisNodes;
  readonly #logger: Logger;
  readonly #listeners = new Set<(change: StoreChange) => void>();
  readonly #ending = new AbortController();
  #announcedAtMs = -Infinity;
  #loops: Promise<unknown> | undefined;

  constructor(session: RedisSession, nodes: RedisNodes, logger: Logger) {
    this.#session = session;
    this.#nodes = nodes;
    this.#logger = logger;
  }

  notify(change: StoreChange): void {
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        const reason = describeFailure(error);
        this.#logger.error({ error: reason }, 'a listener of store changes failed');
      }
    }
  }

  onChange(listener: (change: StoreChange) => void): () => void {
    // Its own function object, so that one listener may subscribe twice.
    const own = (change: StoreChange): void => listener(change);
    this.#listeners.add(own);
    if (!this.#ending.signal.aborted) this.#loops ??= this.#listenToAll();
    return () => {
      this.#listeners.delete(own);
    };
  }

  async stop(): Promise<void> {
    if (this.#ending.signal.aborted) return;
    this.#listeners.clear();
    this.#ending.abort();
    await this.#loops;
    await forget(this.#session, this.#logger);
  }

  /** Where others find this process's ears; they forget who is not heard for a minute. */
  async announce(): Promise<void> {
    if (performance.now() - this.#announcedAtMs < ANNOUNCE_EVERY_MS) return;
    const session = this.#session;
    await session.perform(() => session.callAll('listen', [session.writer]));
    this.#announcedAtMs = performance.now();
  }

  #listenToAll(): Promise<unknown> {
    const groups = this.#nodes.groups(this.#session.shardCount);
    return Promise.all(groups.map((shards) => this.#listen(shards)));
  }

  async #listen(shards: readonly number[]): Promise<void> {
    let isFirst = true;
    while (!this.#ending.signal.aborted) {
      try {
        const client = await this.#nodes.connect(shards[0] ?? 0);
        // What came while nobody heard it is there to be read.
        if (!isFirst) this.notify({ work: true });
        isFirst = false;
        await this.#hear(client, shards);
      } catch (error) {
        // The feed is a hint: every listener also looks by itself after a bounded time.
        const reason = describeFailure(error);
        this.#logger.debug({ error: reason }, 'cannot hear other processes');
        this.#announcedAtMs = -Infinity;
        await pauseUnlessEnding(this.#ending.signal);
      }
    }
  }

  async #hear(client: RedisClient, shards: readonly number[]): Promise<void> {
    const { signal } = this.#ending;
    const end = (): void => client.end();
    signal.addEventListener('abort', end, { once: true });
    const { writer } = this.#session;
    const ears = shards.map((shard) => `${this.#session.rootOf(shard)}:ear:${writer}`);
    try {
      while (!signal.aborted) {
        await this.announce();
        if (!(await popInTime(client, ears))) continue;
        this.notify({ work: true });
        await pause(WAKE_PAUSE_MS);
      }
    } finally {
      signal.removeEventListener('abort', end);
      client.end();
    }
  }
}

/** Not when the store is being closed. */
async function pauseUnlessEnding(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await pause(RECONNECT_PAUSE_MS, undefined, { ref: false });
}

/** Whether another process has written. */
async function popInTime(client: RedisClient, ears: readonly string[]): Promise<boolean> {
  const deadline = setTimeout(() => client.end(), BLOCK_DEADLINE_MS).unref();
  try {
    return (await client.send('blpop', [...ears, String(BLOCK_S)])) !== null;
  } finally {
    clearTimeout(deadline);
  }
}

async function forget(session: RedisSession, logger: Logger): Promise<void> {
  try {
    await session.perform(() => session.callAll('unlisten', [session.writer]));
  } catch (error) {
    // Others forget this process by themselves.
    logger.debug({ error: describeFailure(error) }, 'could not say goodbye to Redis');
  }
}
