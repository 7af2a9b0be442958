import type { Json } from '../../domain/json.ts';
import { formatFeedCursor, parseFeedCursor } from '../../ports/feed-cursor.ts';
import { assertMessages, MAX_PAGE_BYTES } from '../../ports/message-bus.ts';
import type {
  FeedItem,
  FeedPage,
  MessageBus,
  NewBusMessage,
  Published,
} from '../../ports/message-bus.ts';
import type { MemoryDatabase } from './memory-database.ts';
import type { MemoryFeedEntry, StoredMessage } from './memory-feed.ts';
import type { MemorySession } from './memory-session.ts';

const CURSOR = { format: 'm', parts: 1, numbers: 2 };

/** After this entry; with `taken` above 0: after so many of its items. */
interface Place {
  readonly entry: number;
  readonly taken: number;
}

export function createMemoryMessageBus(session: MemorySession): MessageBus {
  const { database, clock } = session;
  const { feed } = database;
  const perform = session.perform.bind(session);
  return {
    publish: async (tenant, messages) => {
      const bodies = assertMessages(messages);
      const answer = await perform('publish', () =>
        publish(database, tenant, messages, bodies, clock.now()),
      );
      if (answer.published > 0) session.notify({ work: false });
      return answer;
    },
    readFeed: async (request) => {
      const after = request.after === undefined ? undefined : placeOf(request.after);
      return perform('readFeed', () => readFeed(database, request, after));
    },
    feedEnd: () => perform('feedEnd', () => cursorOf({ entry: feed.last, taken: 0 })),
    countFeed: async (after, most) => {
      const { entry } = placeOf(after);
      return perform('countFeed', () => Math.min(most, Math.max(0, feed.last - entry)));
    },
    feedStatus: () =>
      perform('feedStatus', () => {
        const entries = feed.last - feed.first + 1;
        const oldest = feed.get(feed.first);
        return oldest ? { entries, oldestAtMs: oldest.atMs } : { entries };
      }),
  };
}

function publish(
  { feed }: MemoryDatabase,
  tenant: string,
  messages: readonly NewBusMessage[],
  bodies: readonly string[],
  atMs: number,
): Published {
  const fresh: StoredMessage[] = [];
  let bytes = 0;
  for (const [at, { id, topic }] of messages.entries()) {
    const body = bodies[at] ?? '';
    if (id !== undefined) {
      const name = JSON.stringify([tenant, topic, id]);
      if (feed.isPublished(name)) continue;
      feed.notePublished(name);
    }
    fresh.push({ id, topic, body });
    bytes += body.length;
  }
  if (fresh.length > 0) feed.append({ kind: 'publication', tenant, messages: fresh, bytes, atMs });
  return { published: fresh.length, duplicates: messages.length - fresh.length };
}

function readFeed(
  database: MemoryDatabase,
  { tenant, limit, only }: Parameters<MessageBus['readFeed']>[0],
  after: Place | undefined,
): FeedPage {
  const { feed } = database;
  const oldest = { entry: feed.first - 1, taken: 0 };
  const isBehind = after !== undefined && after.entry < oldest.entry;
  const isAhead = after !== undefined && after.entry > feed.last;
  let place = isAhead
    ? { entry: feed.last, taken: 0 }
    : after === undefined || isBehind
      ? oldest
      : after;
  const items: FeedItem[] = [];
  let bytes = 0;
  // An entry of which a part was taken is looked at again.
  for (
    let number = place.taken > 0 ? place.entry : place.entry + 1;
    number <= feed.last && items.length < limit && bytes < MAX_PAGE_BYTES;
    number += 1
  ) {
    const entry = feed.get(number);
    const all = entry ? itemsOf(database, entry, number, tenant, only) : [];
    let taken = place.taken;
    for (const item of all.slice(taken)) {
      if (items.length >= limit || bytes >= MAX_PAGE_BYTES) break;
      taken += 1;
      place = taken === all.length ? { entry: number, taken: 0 } : { entry: number, taken };
      bytes += item.bytes;
      items.push({ ...item.item, cursor: cursorOf(place) });
    }
    if (all.length === 0 || taken >= all.length) place = { entry: number, taken: 0 };
  }
  const hasMore = place.taken > 0 || place.entry < feed.last;
  return { items, cursor: cursorOf(place), hasMore, gap: isBehind || isAhead };
}

type Uncursored = FeedItem extends infer Item
  ? Item extends FeedItem
    ? Omit<Item, 'cursor'>
    : never
  : never;

function itemsOf(
  database: MemoryDatabase,
  entry: MemoryFeedEntry,
  number: number,
  tenant: string,
  only: FeedItem['kind'] | undefined,
): { readonly item: Uncursored; readonly bytes: number }[] {
  if (entry.kind === 'commit') {
    const { run, first, count } = entry;
    const isWanted = run.key.tenant === tenant && only !== 'message';
    // Purged, and perhaps another run has its name since.
    if (!isWanted || database.findRun(run.key) !== run) return [];
    return run.events.slice(first, first + count).map((text, at) => ({
      item: { kind: 'event', key: run.key, sequence: first + at + 1, text },
      bytes: text.length,
    }));
  }
  if (entry.tenant !== tenant || only === 'event') return [];
  return entry.messages.map(({ id, topic, body }, at) => ({
    // Written by JSON.stringify of a Json.
    item: {
      kind: 'message',
      id: id ?? `at:${number}.${at}`,
      topic,
      body: JSON.parse(body) as Json,
      publishedAtMs: entry.atMs,
    },
    bytes: body.length,
  }));
}

function placeOf(cursor: string): Place {
  const [[entry = 0, taken = 0] = []] = parseFeedCursor(cursor, CURSOR);
  return { entry, taken };
}

function cursorOf({ entry, taken }: Place): string {
  return formatFeedCursor(CURSOR.format, [[entry, taken]]);
}
