import type { Json } from '../domain/json.ts';
import type { RunKey } from './run-store.ts';

/** Messages of one call. */
export const MAX_PUBLISHED_MESSAGES = 1_000;
/** Of one message's body as JSON text, and of all bodies of one call. */
export const MAX_MESSAGE_BYTES = 65_536;
export const MAX_PUBLISHED_BYTES = 4_194_304;
export const MAX_MESSAGE_ID_CHARS = 200;
/** Entries (a commit or a publication, in Redis several of one moment) that a store keeps in each part of its feed. */
export const MAX_FEED_ENTRIES = 100_000;
/** Of messages; oldest entries go first when a part of the feed holds more. */
export const MAX_FEED_BYTES = 268_435_456;
/** Text that one page of the feed may hold; the item that passes it still comes. */
export const MAX_PAGE_BYTES = 4_194_304;

export interface NewBusMessage {
  /** Unique within tenant and topic: a second message of the same id is not published for as long as the feed keeps the first. */
  readonly id?: string;
  /** Checked by the caller (domain/topic-pattern.ts). */
  readonly topic: string;
  readonly body: Json;
}

export interface Published {
  readonly published: number;
  /** Left out because their id had been published before. */
  readonly duplicates: number;
}

export type FeedItem =
  /** An event of a run, as its history has it. */
  | {
      readonly kind: 'event';
      readonly cursor: string;
      readonly key: RunKey;
      readonly sequence: number;
      readonly text: string;
    }
  /** What a program published. */
  | {
      readonly kind: 'message';
      readonly cursor: string;
      /** As given, else made by the store; the same at every reading. */
      readonly id: string;
      readonly topic: string;
      readonly body: Json;
      readonly publishedAtMs: number;
    };

export interface FeedPage {
  readonly items: readonly FeedItem[];
  /** After everything that was looked at, also where nothing of it was wanted. */
  readonly cursor: string;
  /** There may be more to read at once. */
  readonly hasMore: boolean;
  /**
   * What came right after the given cursor is no longer kept (or the store was set back behind it): the page begins
   * with the oldest that is. Never without a cursor. May be said once too often, never too seldom.
   */
  readonly gap: boolean;
}

export interface FeedStatus {
  /** Commits, and publications. */
  readonly entries: number;
  /** When the oldest of them was written; absent: there is none, or its run is gone. */
  readonly oldestAtMs?: number;
}

/**
 * The feed of everything that is committed, and of what programs publish beside it, in one order. A reader that goes on
 * from cursor to cursor sees each item, at least once, until the store no longer keeps it: then `gap` says so. Events of a
 * run that retention has removed are skipped quietly: retention waits for days, and its rule is known.
 *
 * Order holds within a run and within a topic of published messages; between them only where the store is in one part
 * (SQLite, Redis with one shard). Reading changes nothing and takes nothing from other readers.
 */
export interface MessageBus {
  /**
   * Durable when it answers. In SQLite all or nothing; in Redis after a StoreUnavailableError some may be published: messages
   * with ids are safe to publish again. Throws RangeError above the limits; nothing is published then.
   */
  publish(tenant: string, messages: readonly NewBusMessage[]): Promise<Published>;

  /**
   * At most `limit` items of the tenant after the cursor; without one from the oldest that is kept. A page may hold fewer, or
   * none, while there are more (`hasMore`). `only` leaves out the other kind. Throws InvalidCursorError.
   */
  readFeed(request: {
    readonly tenant: string;
    readonly after?: string;
    readonly limit: number;
    readonly only?: FeedItem['kind'];
  }): Promise<FeedPage>;

  /** The cursor after which comes what is written from now on. */
  feedEnd(): Promise<string>;

  /** Entries of all tenants after the cursor, counted up to `most`. */
  countFeed(after: string, most: number): Promise<number>;

  feedStatus(): Promise<FeedStatus>;
}

/** Throws RangeError for what no store may be asked to publish. Answers each body as JSON text. */
export function assertMessages(messages: readonly NewBusMessage[]): readonly string[] {
  if (messages.length > MAX_PUBLISHED_MESSAGES)
    throw new RangeError(
      `one call publishes at most ${MAX_PUBLISHED_MESSAGES} messages, not ${messages.length}; nothing was published`,
    );
  let total = 0;
  return messages.map(({ id, body }) => {
    const text = JSON.stringify(body);
    // A character is at most three bytes of UTF-8: most messages need not be measured.
    const bytes = text.length * 3 > MAX_MESSAGE_BYTES ? byteLength(text) : text.length;
    total += bytes;
    if (bytes > MAX_MESSAGE_BYTES) throw tooLarge('a message', bytes, MAX_MESSAGE_BYTES);
    if (total > MAX_PUBLISHED_BYTES) throw tooLarge('one call', total, MAX_PUBLISHED_BYTES);
    if (id === '' || (id !== undefined && id.length > MAX_MESSAGE_ID_CHARS))
      throw new RangeError(
        `the id of a message has 1 to ${MAX_MESSAGE_ID_CHARS} characters; nothing was published`,
      );
    return text;
  });
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

function tooLarge(what: string, bytes: number, most: number): RangeError {
  return new RangeError(`${what} holds at most ${most} bytes, not ${bytes}; nothing was published`);
}
