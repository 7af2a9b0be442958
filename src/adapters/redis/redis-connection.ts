import { setTimeout as pause } from 'node:timers/promises';
import type { RedisOptions } from 'ioredis';
import type { Logger } from '../../ports/logger.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import { RedisClient } from './redis-client.ts';
import { asUnavailable, describeFailure, isWrongServer } from './redis-failure.ts';
import { text } from './reply.ts';
import type { Reply } from './reply.ts';

/** More in flight adds waiting, not work: Redis takes them one by one. */
const MAX_IN_FLIGHT = 200;
/** The two together stay below the five seconds in which every call is answered. */
const MAX_CONNECT_WAIT_MS = 2_000;
const MAX_SILENCE_MS = 2_500;
const CHECK_EVERY_MS = 250;
const MIN_BACKOFF_MS = 20;
const MAX_BACKOFF_MS = 1_000;

/**
 * A connection that is there again by itself after every failure. A call that fails was perhaps applied, unless it was
 * refused before it was sent; it is never sent twice.
 */
export class RedisConnection {
  readonly #options: RedisOptions;
  readonly #logger: Logger;
  readonly #queue: (() => void)[] = [];
  #client: RedisClient | undefined;
  #arrivals: ((client: RedisClient | undefined) => void)[] = [];
  #isOpening = false;
  #isClosed = false;
  #trouble = 'not connected yet';
  #inFlight = 0;
  #lastReplyAtMs = 0;
  /** Of the server that answered last; every start of a server draws another. */
  #serverId: string | undefined;
  #replacements = 0;
  #replaced: () => void = () => undefined;
  readonly #watchdog: NodeJS.Timeout;

  constructor(options: RedisOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
    this.#watchdog = setInterval(() => this.#check(), CHECK_EVERY_MS).unref();
  }

  /** One try, for the start: rejects with what went wrong. */
  async connect(): Promise<void> {
    this.#client = await this.#build();
    if (this.#client.needsNoPassword)
      this.#logger.warn(
        {},
        'the Redis server asks for no password although the URL has one: whoever reaches it may read and change every run (docs/redis.conf: requirepass or users)',
      );
  }

  /** Called when another server answers than before, before anything is sent to it. */
  onReplaced(listener: () => void): void {
    this.#replaced = listener;
  }

  /** Rejects with StoreUnavailableError, or with what Redis answered. */
  async call(name: string, args: (string | Buffer)[], isBinary = false): Promise<Reply> {
    const waitUntilMs = performance.now() + MAX_CONNECT_WAIT_MS;
    const replacements = this.#replacements;
    if (this.#inFlight >= MAX_IN_FLIGHT)
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#take();
    try {
      const client = this.#client ?? (await this.#arrival(waitUntilMs));
      // It was decided on what the server before had told.
      if (replacements !== this.#replacements)
        throw new StoreUnavailableError('Redis was restarted or replaced; nothing was sent');
      const reply = await client.send(name, args, isBinary);
      this.#lastReplyAtMs = performance.now();
      return reply;
    } catch (error) {
      throw this.#judge(error);
    } finally {
      this.#give();
    }
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#watchdog);
    this.#client?.end();
    this.#client = undefined;
    this.#arrive(undefined);
  }

  #take(): void {
    if (this.#inFlight === 0) this.#lastReplyAtMs = performance.now();
    this.#inFlight += 1;
  }

  /** The place goes to the call that waits longest. */
  #give(): void {
    const next = this.#queue.shift();
    if (next) next();
    else this.#inFlight -= 1;
  }

  #judge(error: unknown): unknown {
    if (!(error instanceof Error)) return error;
    if (error.name !== 'ReplyError') return asUnavailable(error);
    this.#lastReplyAtMs = performance.now();
    if (isWrongServer(error)) this.#drop(error.message);
    return error;
  }

  /** Waiting for a place counts too: else the calls behind a full connection would wait again and again. */
  async #arrival(untilMs: number): Promise<RedisClient> {
    if (!this.#isClosed) void this.#open();
    const client = await new Promise<RedisClient | undefined>((resolve) => {
      const deadline = setTimeout(
        () => resolve(undefined),
        Math.max(0, untilMs - performance.now()),
      );
      this.#arrivals.push((arrived) => {
        clearTimeout(deadline);
        resolve(arrived);
      });
    });
    if (client) return client;
    throw new StoreUnavailableError(`Redis is away: ${this.#trouble}; nothing was sent`);
  }

  #arrive(client: RedisClient | undefined): void {
    this.#client = client;
    this.#lastReplyAtMs = performance.now();
    for (const arrive of this.#arrivals.splice(0)) arrive(client);
  }

  /** Builds clients until one is good. */
  async #open(): Promise<void> {
    if (this.#isOpening) return;
    this.#isOpening = true;
    for (let backoffMs = MIN_BACKOFF_MS; !this.#isClosed && !this.#client;) {
      try {
        await this.#reopen();
      } catch (error) {
        this.#trouble = describeFailure(error);
        await pause(backoffMs, undefined, { ref: false });
        backoffMs = Math.min(MAX_BACKOFF_MS, backoffMs * 2);
      }
    }
    this.#isOpening = false;
  }

  async #reopen(): Promise<void> {
    const client = await this.#build();
    if (this.#isClosed) {
      client.end();
      return;
    }
    this.#logger.info({}, 'connected to Redis again');
    this.#arrive(client);
  }

  async #build(): Promise<RedisClient> {
    const client = await RedisClient.connect(this.#options);
    const serverId = await readServerId(client);
    void client.ended.then((reason) => this.#lose(client, reason));
    this.#compare(serverId);
    return client;
  }

  /** A server that starts anew, or a replica that takes its place, may lack what was acknowledged last. */
  #compare(serverId: string): void {
    const before = this.#serverId;
    this.#serverId = serverId;
    if (before === undefined || before === serverId) return;
    this.#replacements += 1;
    this.#logger.warn(
      { before, now: serverId },
      'Redis was restarted or replaced: what it had acknowledged last may be lost, unless it syncs always (docs/redis.conf); all runs are read anew',
    );
    this.#replaced();
  }

  #lose(client: RedisClient, reason: string): void {
    if (this.#client !== client) return;
    this.#drop(reason);
  }

  /** A new connection is built at once, so that the next call finds it. */
  #drop(reason: string): void {
    if (this.#isClosed) return;
    this.#client?.end();
    this.#client = undefined;
    this.#trouble = reason;
    this.#logger.warn({ reason }, 'lost the connection to Redis');
    void this.#open();
  }

  /** A server that answers nothing though it is asked is as good as gone: a lost reply would be waited for forever. */
  #check(): void {
    const silenceMs = performance.now() - this.#lastReplyAtMs;
    if (this.#inFlight > 0 && this.#client && silenceMs > MAX_SILENCE_MS)
      this.#drop(`no reply for ${Math.round(silenceMs)} ms`);
  }
}

/** Which server this is: it changes with every start. Waits no longer than any call does, for the server has just answered. */
async function readServerId(client: RedisClient): Promise<string> {
  const deadline = setTimeout(() => client.end(), MAX_SILENCE_MS).unref();
  try {
    return /^run_id:(\w+)/m.exec(text(await client.send('info', ['server'])))?.[1] ?? '';
  } catch (error) {
    client.end();
    throw error;
  } finally {
    clearTimeout(deadline);
  }
}
