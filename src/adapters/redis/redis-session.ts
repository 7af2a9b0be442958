import type { Clock } from '../../ports/clock.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import type { RunKey } from '../../ports/run-store.ts';
import type { FunctionLibrary } from './function-library.ts';
import { asUnavailable, isMissingFunction, replyCode } from './redis-failure.ts';
import type { RedisNodes } from './redis-nodes.ts';
import type { Reply } from './reply.ts';
import { shardOf } from './shard.ts';

type Argument = string | Buffer;

/** What the parts of the store share: the shards, and the way to call a function on one. */
export class RedisSession {
  /** Names this store object among those that listen. */
  readonly writer: string;
  readonly shardCount: number;
  readonly #nodes: RedisNodes;
  readonly #library: FunctionLibrary;
  readonly #prefix: string;
  readonly #clock: Clock | undefined;
  readonly #pending = new Set<Promise<unknown>>();
  readonly #loading = new Map<number, Promise<void>>();
  #isClosed = false;

  constructor(parts: {
    readonly nodes: RedisNodes;
    readonly library: FunctionLibrary;
    readonly prefix: string;
    readonly shardCount: number;
    readonly writer: string;
    /** Stands for the server's time, in tests. */
    readonly clock: Clock | undefined;
  }) {
    this.writer = parts.writer;
    this.shardCount = parts.shardCount;
    this.#nodes = parts.nodes;
    this.#library = parts.library;
    this.#prefix = parts.prefix;
    this.#clock = parts.clock;
  }

  get shards(): readonly number[] {
    return Array.from({ length: this.shardCount }, (_, shard) => shard);
  }

  shardOfRun({ tenant, runId }: RunKey): number {
    if (this.shardCount === 1) return 0;
    return this.shardOf(`${tenant}\n${runId}`);
  }

  shardOf(name: string): number {
    return shardOf(name, this.shardCount);
  }

  /** The first argument of functions that need the time: '' lets Redis take its own. */
  get now(): string {
    return this.#clock ? String(this.#clock.now()) : '';
  }

  /**
   * Runs one operation of the store: `close` waits for it, and a closed store refuses it. Rejects with
   * StoreUnavailableError for all that went wrong with the server; a defect of ours passes through.
   */
  async perform<T>(operation: () => Promise<T>): Promise<T> {
    this.assertOpen();
    const running = operation();
    this.#pending.add(running);
    try {
      return await running;
    } catch (error) {
      throw replyCode(error) === undefined ? error : asUnavailable(error);
    } finally {
      this.#pending.delete(running);
    }
  }

  assertOpen(): void {
    if (this.#isClosed) throw new StoreUnavailableError('the store is closed');
  }

  /** Inside `perform`. A function that Redis has lost is loaded again, and then called. */
  call(
    operation: string,
    shard: number,
    args: readonly Argument[],
    isBinary = false,
  ): Promise<Reply> {
    return this.send(shard, [...this.request(operation, shard), ...args], isBinary);
  }

  /** What every call begins with: for who fills in the arguments himself, and then sends it. */
  request(operation: string, shard: number): string[] {
    return [this.#library.nameOf(operation), '1', this.rootOf(shard)];
  }

  /** Of every shard, in their order. */
  callAll(operation: string, args: readonly string[]): Promise<Reply[]> {
    return Promise.all(this.shards.map((shard) => this.call(operation, shard, args)));
  }

  rootOf(shard: number): string {
    return `${this.#prefix}:{${shard}}`;
  }

  /** Refuses later calls, waits for the present ones. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#pending);
    this.#nodes.close();
  }

  /** Inside `perform`, as `call`. */
  async send(shard: number, args: Argument[], isBinary = false): Promise<Reply> {
    try {
      return await this.#nodes.send(shard, 'fcall', args, isBinary);
    } catch (error) {
      if (!isMissingFunction(error)) throw error;
    }
    await this.#load(shard);
    return this.#nodes.send(shard, 'fcall', args, isBinary);
  }

  /** Where this shard is; calls that miss their function at the same time share one loading. */
  #load(shard: number): Promise<void> {
    const known = this.#loading.get(shard);
    if (known) return known;
    const loading = this.#sendLibrary(shard).finally(() => this.#loading.delete(shard));
    this.#loading.set(shard, loading);
    return loading;
  }

  async #sendLibrary(shard: number): Promise<void> {
    try {
      await this.#nodes.send(shard, 'function', ['load', this.#library.source]);
    } catch (error) {
      // Another process was faster.
      if (!(error instanceof Error) || !error.message.includes('already exists')) throw error;
    }
  }
}
