import { MAX_FEED_BYTES, MAX_FEED_ENTRIES } from '../../ports/message-bus.ts';
import type { MemoryRun } from './memory-database.ts';

/** A commit's events, which stand in the run's history. */
interface CommitEntry {
  readonly kind: 'commit';
  readonly run: MemoryRun;
  /** From 0. */
  readonly first: number;
  readonly count: number;
  readonly atMs: number;
}

export interface StoredMessage {
  readonly id: string | undefined;
  readonly topic: string;
  readonly body: string;
}

/** The messages of one call. */
interface PublicationEntry {
  readonly kind: 'publication';
  readonly tenant: string;
  readonly messages: readonly StoredMessage[];
  readonly bytes: number;
  readonly atMs: number;
}

export type MemoryFeedEntry = CommitEntry | PublicationEntry;

/** Commits and publications in order; the oldest go when there are too many. */
export class MemoryFeed {
  readonly maxEntries: number;
  /** Names of published messages, and the number of the entry each stands in: oldest first. */
  readonly #published = new Map<string, number>();
  #entries: MemoryFeedEntry[] = [];
  /** Number of the first entry kept; the very first has 1. */
  #first = 1;
  #bytes = 0;

  constructor(maxEntries = MAX_FEED_ENTRIES) {
    this.maxEntries = maxEntries;
  }

  get first(): number {
    return this.#first;
  }

  /** Number of the newest entry; 0: none ever. */
  get last(): number {
    return this.#first + this.#entries.length - 1;
  }

  get(number: number): MemoryFeedEntry | undefined {
    return this.#entries[number - this.#first];
  }

  append(entry: MemoryFeedEntry): void {
    this.#entries.push(entry);
    if (entry.kind === 'publication') this.#bytes += entry.bytes;
    // An eighth over the bound at most: moving the rest forward for every entry would cost its length each time.
    const isFull = this.#entries.length > this.maxEntries * 1.125 || this.#bytes > MAX_FEED_BYTES;
    if (isFull) this.#trim();
  }

  isPublished(name: string): boolean {
    return this.#published.has(name);
  }

  /** In the entry that comes next. */
  notePublished(name: string): void {
    this.#published.set(name, this.last + 1);
  }

  #trim(): void {
    let removed = 0;
    while (
      removed < this.#entries.length - 1 &&
      (this.#entries.length - removed > this.maxEntries || this.#bytes > MAX_FEED_BYTES)
    ) {
      const entry = this.#entries[removed];
      if (entry?.kind === 'publication') this.#bytes -= entry.bytes;
      removed += 1;
    }
    this.#entries = this.#entries.slice(removed);
    this.#first += removed;
    for (const [name, number] of this.#published) {
      if (number >= this.#first) return;
      this.#published.delete(name);
    }
  }
}
