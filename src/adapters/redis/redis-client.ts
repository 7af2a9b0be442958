import { Command, Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import type { Reply } from './reply.ts';

const CONNECT_TIMEOUT_MS = 2_000;
const KEEP_ALIVE_MS = 15_000;

/**
 * One connection that is never mended: after any failure it is thrown away and another one built. A client that
 * reconnects by itself would send commands again whose callers have given up, and has been seen to wait for ever on a
 * blocking read whose reply was lost.
 */
export class RedisClient {
  readonly #redis: Redis;
  #isCorked = false;

  /** Resolves, with the reason, when the connection is gone. */
  readonly ended: Promise<string>;

  private constructor(redis: Redis, reason: () => string) {
    this.#redis = redis;
    this.ended = new Promise((resolve) => {
      redis.once('end', () => resolve(reason()));
    });
  }

  /** Rejects when there is no usable server within some two seconds. */
  static async connect(options: RedisOptions): Promise<RedisClient> {
    const redis = new Redis({
      ...options,
      connectionName: 'baton',
      connectTimeout: CONNECT_TIMEOUT_MS,
      keepAlive: KEEP_ALIVE_MS,
      lazyConnect: true,
      // Every reply has the same shape on every server.
      protocol: 2,
      disableClientInfo: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      retryStrategy: null,
      maxRetriesPerRequest: null,
    });
    let reason = 'the connection was closed';
    redis.on('error', (error: Error) => {
      reason = error.message;
    });
    await connectInTime(redis, () => reason);
    return new RedisClient(redis, () => reason);
  }

  /** `isBinary`: strings come as buffers. */
  send(name: string, args: (string | Buffer)[], isBinary = false): Promise<Reply> {
    this.#cork();
    const command = new Command(name, args, { replyEncoding: isBinary ? null : 'utf8' });
    // sendCommand answers the command's promise; what it holds is checked where it is read.
    return this.#redis.sendCommand(command) as Promise<Reply>;
  }

  /** Commands in flight are rejected at once: a server that is gone does not answer a farewell either. */
  end(): void {
    this.#redis.disconnect();
    this.#redis.stream.destroy();
  }

  /** What is sent in one turn of the event loop travels in one write: a system call costs as much as a commit. */
  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    const { stream } = this.#redis;
    stream.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      stream.uncork();
    });
  }
}

/** A server that takes the connection and says nothing is none. */
async function connectInTime(redis: Redis, reason: () => string): Promise<void> {
  const late = `no answer within ${CONNECT_TIMEOUT_MS} ms`;
  const deadline = setTimeout(() => {
    redis.emit('error', new Error(late));
    redis.disconnect();
  }, CONNECT_TIMEOUT_MS);
  try {
    await redis.connect();
  } catch {
    // Once more would wait two seconds for a stream that never was.
    if (redis.status !== 'end') redis.disconnect();
    // The reason comes by the event; the error of connect() only says that the connection is closed.
    throw new Error(reason());
  } finally {
    clearTimeout(deadline);
  }
}
