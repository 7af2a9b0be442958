import { Command } from 'ioredis';
import type { Redis, RedisOptions } from 'ioredis';
import { findPrimary } from './find-primary.ts';
import { firstOf } from './first-of.ts';
import { openConnection } from './open-connection.ts';
import type { OpenConnection } from './open-connection.ts';
import type { Reply } from './reply.ts';
import { TextCommand } from './text-command.ts';

/** About what three commits have: worth a write of its own. */
const LARGE_ARGUMENTS = 24;

/**
 * One connection that is never mended: after any failure it is thrown away and another one built. A client that
 * reconnects by itself would send commands again whose callers have given up, and has been seen to wait for ever on a
 * blocking read whose reply was lost.
 */
export class RedisClient {
  readonly #redis: Redis;
  #isCorked = false;
  #isEnded = false;

  /** The URL has a password, and the server lets everybody in. */
  readonly needsNoPassword: boolean;

  /** Resolves, with the reason, when the connection is gone. */
  readonly ended: Promise<string>;

  private constructor({ redis, reason, needsNoPassword }: OpenConnection) {
    this.#redis = redis;
    this.needsNoPassword = needsNoPassword;
    this.ended = new Promise((resolve) => {
      redis.once('end', () => resolve(reason()));
    });
  }

  /**
   * Rejects when there is no usable server within some two seconds, behind Sentinels three. Those are asked all at once:
   * one that is switched off would use up the time of the others.
   */
  static async connect(options: RedisOptions): Promise<RedisClient> {
    const { sentinels, ...server } = options;
    if (!sentinels) return new RedisClient(await openConnection(server));
    const throughOne = async (sentinel: (typeof sentinels)[number]): Promise<RedisClient> => {
      const primary = await findPrimary(options, sentinel);
      return new RedisClient(
        await openConnection({ ...server, ...primary }, { mustBePrimary: true }),
      );
    };
    return firstOf(sentinels.map(throughOne), (late) => late.end());
  }

  /** `isBinary`: strings come as buffers. */
  send(name: string, args: (string | Buffer)[], isBinary = false): Promise<Reply> {
    if (args.length < LARGE_ARGUMENTS) this.#cork();
    else this.#uncork();
    const command =
      args.length >= LARGE_ARGUMENTS && !isBinary && isAllText(args)
        ? new TextCommand(name, args)
        : new Command(name, args, { replyEncoding: isBinary ? null : 'utf8' });
    // sendCommand answers the command's promise; what it holds is checked where it is read.
    return this.#redis.sendCommand(command) as Promise<Reply>;
  }

  /** Commands in flight are rejected at once: a server that is gone does not answer a farewell either. */
  end(): void {
    // A second farewell would keep the process for two seconds, for a stream that is gone.
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#redis.disconnect();
    this.#redis.stream.destroy();
  }

  /** What is sent in one turn of the event loop travels in one write: a system call costs as much as a commit. */
  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    const { stream } = this.#redis;
    stream.cork();
    process.nextTick(() => this.#uncork());
  }

  /** What is large is written at once: the server works on it while the rest of the turn goes on. */
  #uncork(): void {
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#redis.stream.uncork();
  }
}

function isAllText(args: readonly (string | Buffer)[]): args is readonly string[] {
  return args.every((arg) => typeof arg === 'string');
}
