import { z } from 'zod';
import type { Json } from '../../domain/json.ts';
import { formatFeedCursor, parseFeedCursor } from '../../ports/feed-cursor.ts';
import { assertMessages, MAX_FEED_ENTRIES, MAX_PAGE_BYTES } from '../../ports/message-bus.ts';
import type { FeedItem, FeedPage, MessageBus, NewBusMessage } from '../../ports/message-bus.ts';
import { prepareFeedTable } from './feed-table.ts';
import type { FeedRow, FeedTable } from './feed-table.ts';
import type { SqliteSession } from './sqlite-session.ts';

const CURSOR = { format: 's', parts: 1, numbers: 2 };
/** Rows read at once: a row may hold megabytes. */
const CHUNK = 64;

/** After this row; with `taken` above 0: after so many of its items. */
interface Place {
  readonly entry: number;
  readonly taken: number;
}

export function createSqliteMessageBus(
  session: SqliteSession,
  maxFeedEntries: number = MAX_FEED_ENTRIES,
): MessageBus {
  const { db, clock, writes, notices } = session;
  const feed = prepareFeedTable(db, maxFeedEntries);

  return {
    publish: async (tenant, messages) => {
      const bodies = assertMessages(messages);
      const answer = await writes.submit(() => {
        const fresh = messages.flatMap(({ id, topic }, at) =>
          id !== undefined && !feed.claimId(tenant, topic, id)
            ? []
            : [line({ id, topic }, bodies[at] ?? '')],
        );
        if (fresh.length > 0) feed.publish(tenant, fresh.join('\n'), clock.now());
        return { published: fresh.length, duplicates: messages.length - fresh.length };
      });
      if (answer.published > 0) notices.notify({ work: false });
      return answer;
    },
    readFeed: async (request) => {
      const after = request.after === undefined ? undefined : placeOf(request.after);
      return session.readTogether(() => readFeed(feed, request, after));
    },
    feedEnd: () => session.read(() => cursorOf({ entry: feed.bounds().last, taken: 0 })),
    countFeed: async (after, most) => {
      const { entry } = placeOf(after);
      return session.read(() => Math.min(most, Math.max(0, feed.bounds().last - entry)));
    },
    feedStatus: () =>
      session.readTogether(() => {
        const { floor, last } = feed.bounds();
        const first = feed.firstRow(floor);
        if (!first) return { entries: 0 };
        const { entry, atMs } = first;
        return { entries: last - entry + 1, ...(atMs !== undefined && { oldestAtMs: atMs }) };
      }),
  };
}

/** A publication row holds a line each. The body is JSON text already. */
function line({ id, topic }: Pick<NewBusMessage, 'id' | 'topic'>, body: string): string {
  return `[${JSON.stringify(id ?? null)},${JSON.stringify(topic)},${body}]`;
}

const lineSchema = z.tuple([z.string().nullable(), z.string(), z.custom<Json>()]);

function readFeed(
  feed: FeedTable,
  { tenant, limit, only }: Parameters<MessageBus['readFeed']>[0],
  after: Place | undefined,
): FeedPage {
  const { floor, last } = feed.bounds();
  const isBehind = after !== undefined && after.entry < floor;
  const isAhead = after !== undefined && after.entry > last;
  const start = isAhead
    ? { entry: last, taken: 0 }
    : after === undefined || isBehind
      ? { entry: floor, taken: 0 }
      : after;
  const reader = new PageReader(tenant, limit, start);
  for (;;) {
    const { entry, taken } = reader.place;
    // A row of which a part was taken is read again.
    const rows = feed.rows(tenant, only, taken > 0 ? entry - 1 : entry, CHUNK);
    for (const row of rows) if (!reader.take(row)) break;
    if (reader.isFull || rows.length < CHUNK) break;
  }
  const gap = isBehind || isAhead;
  // Nothing of this tenant is left: the place moves on, or it would fall behind what is kept while nothing is missed.
  if (!reader.isFull) return { ...reader.page({ entry: last, taken: 0 }), hasMore: false, gap };
  return { ...reader.page(reader.place), hasMore: true, gap };
}

class PageReader {
  readonly #tenant: string;
  readonly #limit: number;
  readonly #items: FeedItem[] = [];
  #bytes = 0;
  place: Place;

  constructor(tenant: string, limit: number, place: Place) {
    this.#tenant = tenant;
    this.#limit = limit;
    this.place = place;
  }

  get isFull(): boolean {
    return this.#items.length >= this.#limit || this.#bytes >= MAX_PAGE_BYTES;
  }

  page(place: Place): { readonly items: readonly FeedItem[]; readonly cursor: string } {
    return { items: this.#items, cursor: cursorOf(place) };
  }

  /** False: the page is full before the row's end. */
  take(row: FeedRow): boolean {
    const { entry } = row;
    const lines = (row.commit?.events ?? row.publication?.messages ?? '').split('\n');
    const from = this.place.entry === entry ? this.place.taken : 0;
    for (const [at, text] of lines.entries()) {
      if (at < from) continue;
      if (this.isFull) return false;
      this.place = { entry, taken: at + 1 === lines.length ? 0 : at + 1 };
      this.#bytes += text.length;
      this.#items.push(this.#item(row, at, text, cursorOf(this.place)));
    }
    return true;
  }

  #item(
    { entry, commit, publication }: FeedRow,
    at: number,
    text: string,
    cursor: string,
  ): FeedItem {
    if (commit) {
      const key = { tenant: this.#tenant, runId: commit.runId };
      return { kind: 'event', cursor, key, sequence: commit.first + at, text };
    }
    const [id, topic, body] = lineSchema.parse(JSON.parse(text));
    const publishedAtMs = publication?.publishedAtMs ?? 0;
    return { kind: 'message', cursor, id: id ?? `at:${entry}.${at}`, topic, body, publishedAtMs };
  }
}

function placeOf(cursor: string): Place {
  const [[entry = 0, taken = 0] = []] = parseFeedCursor(cursor, CURSOR);
  return { entry, taken };
}

function cursorOf({ entry, taken }: Place): string {
  return formatFeedCursor(CURSOR.format, [[entry, taken]]);
}
