import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';

const QUEUE = 'queue';
const GROUP = 'workers';
const BLOCK_MS = 1_000;

export interface PrototypeCommit {
  readonly runId: string;
  readonly expectedVersion: number;
  readonly commandId: string;
  readonly events: readonly string[];
  /** Puts the run into the queue. */
  readonly enqueue?: boolean;
  /** Queue entry that this commit ends. */
  readonly acknowledge?: string;
}

/** prototype.lua on two connections, as bare as can be: what is sent in one turn travels in one write, as in Baton. */
export class PrototypeStore {
  readonly #commands: Redis;
  readonly #blocking: Redis;
  #isCorked = false;

  private constructor(socket: string) {
    const options = { path: socket, protocol: 2, maxRetriesPerRequest: null } as const;
    this.#commands = new Redis(options);
    this.#blocking = new Redis(options);
  }

  static async open(socket: string): Promise<PrototypeStore> {
    const store = new PrototypeStore(socket);
    const library = readFileSync(join(import.meta.dirname, 'prototype.lua'), 'utf8');
    await store.#commands.call('FUNCTION', 'LOAD', 'REPLACE', library);
    try {
      await store.#commands.xgroup('CREATE', QUEUE, GROUP, '0', 'MKSTREAM');
    } catch (error) {
      if (!String(error).includes('BUSYGROUP')) throw error;
    }
    return store;
  }

  async commit(request: PrototypeCommit): Promise<'committed' | 'duplicate' | 'conflict'> {
    this.#cork();
    const { runId, expectedVersion, commandId, events } = request;
    const keys = [`h:${runId}`, `r:${runId}`, QUEUE];
    const reply = await this.#commands.fcall(
      ...(['bench_commit', 3, ...keys, expectedVersion, commandId] as const),
      ...[JSON.stringify({ version: expectedVersion + events.length })],
      ...[request.enqueue ? runId : '', request.acknowledge ?? '', ...events],
    );
    // The function answers a list whose first element is one of these (header of prototype.lua).
    return (reply as ['committed' | 'duplicate' | 'conflict'])[0];
  }

  /** Waits up to a second. */
  async claim(owner: string, limit: number): Promise<{ entry: string; runId: string }[]> {
    const reply = await this.#blocking.call(
      ...(['XREADGROUP', 'GROUP', GROUP, owner, 'COUNT', limit] as const),
      ...['BLOCK', BLOCK_MS, 'STREAMS', QUEUE, '>'],
    );
    // RESP2's form of the one stream that was asked for; nothing came: null.
    const [stream] = (reply ?? []) as [string, [string, [string, string]][]][];
    return (stream?.[1] ?? []).map(([entry, [, runId]]) => ({ entry, runId }));
  }

  history(runId: string): Promise<string[]> {
    return this.#commands.lrange(`h:${runId}`, 0, -1);
  }

  async waiting(): Promise<number> {
    return this.#commands.xlen(QUEUE);
  }

  close(): void {
    this.#commands.disconnect();
    this.#blocking.disconnect();
  }

  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    const { stream } = this.#commands;
    stream.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      stream.uncork();
    });
  }
}
