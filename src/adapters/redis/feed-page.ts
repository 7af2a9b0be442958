import { isJsonObject, type Json } from '../../domain/json.ts';
import { parseFeedCursor } from '../../ports/feed-cursor.ts';
import { MAX_PAGE_BYTES } from '../../ports/message-bus.ts';
import type { FeedItem, FeedPage } from '../../ports/message-bus.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import { readEvents } from './event-text.ts';
import { integer, list, text } from './reply.ts';
import type { Reply } from './reply.ts';

/** In the stream of one shard: after the entry of this id, or with `taken` above 0 after so many of its items. */
export interface ShardPlace {
  readonly id: string;
  readonly taken: number;
}

export const FIRST_PLACE: ShardPlace = { id: '0-0', taken: 0 };

interface EntryItem {
  readonly number: number;
  /** Of its text: Redis counts an event as it is packed. */
  readonly chars: number;
  readonly at: (cursor: string) => FeedItem;
}

/** Items of one entry, each made for the cursor that its place in the page gives it. */
interface Entry {
  readonly shard: number;
  readonly id: string;
  /** Of all tenants, gone ones too: an item keeps its number. */
  readonly total: number;
  readonly items: readonly EntryItem[];
}

export interface ShardPage {
  readonly gap: boolean;
  /** Everything up to here was looked at. */
  readonly end: string;
  readonly hasMore: boolean;
  readonly entries: readonly Entry[];
}

export function parsePlaces(cursor: string, shardCount: number): ShardPlace[] {
  const form = { format: 'r', parts: shardCount, numbers: 3 };
  return parseFeedCursor(cursor, form).map(([ms = 0, seq = 0, taken = 0]) => ({
    id: `${ms}-${seq}`,
    taken,
  }));
}

export function formatPlaces(places: readonly ShardPlace[]): string {
  let cursor = 'r';
  for (const { id, taken } of places) cursor += `.${id}-${taken}`;
  return cursor;
}

/** What `read_feed` of feed.lua answers. */
export function readShardPage(tenant: string, shard: number, reply: Reply): ShardPage {
  const [gap, end, hasMore, ...entries] = list(reply);
  return {
    gap: gap === '1',
    end: text(end),
    hasMore: hasMore === '1',
    entries: entries.map((entry) => readEntry(tenant, shard, list(entry))),
  };
}

function readEntry(tenant: string, shard: number, [id, kind, ...rest]: readonly Reply[]): Entry {
  const entry = { shard, id: text(id) };
  if (kind === 'e') return { ...entry, ...readCommits(tenant, rest) };
  const publishedAtMs = integer(rest[0]);
  const items = text(rest[1])
    .split('\n')
    .map((line, number) => ({
      number,
      chars: line.length,
      at: (cursor: string): FeedItem => {
        const message = readLine(line, () => `at:${shard}.${entry.id}.${number}`);
        return { kind: 'message', cursor, ...message, publishedAtMs };
      },
    }));
  return { ...entry, total: items.length, items };
}

/** `[id or null, topic, body]`, as the bus wrote it. */
function readLine(
  line: string,
  makeId: () => string,
): { readonly id: string; readonly topic: string; readonly body: Json } {
  const value: unknown = JSON.parse(line);
  if (!Array.isArray(value) || value.length !== 3) return damaged();
  const [id, topic, body] = value as [unknown, unknown, Json]; // of JSON.parse
  if (typeof topic !== 'string' || isJsonObject(id)) return damaged();
  return { id: typeof id === 'string' ? id : makeId(), topic, body };
}

function damaged(): never {
  throw new StoreUnavailableError('Redis holds a message that is none: is the store damaged?');
}

function readCommits(
  tenant: string,
  [total, ...commits]: readonly Reply[],
): Pick<Entry, 'total' | 'items'> {
  const items = commits.map(list).flatMap(([runId, first, before, events]) => {
    const key = { tenant, runId: text(runId) };
    return readEvents(events).map((event, at) => ({
      number: integer(first) + at,
      chars: event.length,
      at: (cursor: string): FeedItem => {
        const sequence = integer(before) + at + 1;
        return { kind: 'event', cursor, key, sequence, text: event };
      },
    }));
  });
  return { total: integer(total), items };
}

/** One page of what the shards have, roughly by age; each goes on where it was cut. */
export function mergePages(
  start: readonly ShardPlace[],
  pages: readonly ShardPage[],
  limit: number,
): FeedPage {
  const places = [...start];
  const items: FeedItem[] = [];
  const isCut = new Set<number>();
  let chars = 0;
  for (const { shard, id, total, items: found } of byAge(pages)) {
    if (isCut.has(shard)) continue;
    const from = places[shard];
    const taken = from?.id === id ? from.taken : 0;
    for (const { number, chars: more, at } of found) {
      if (number < taken) continue;
      if (items.length >= limit || chars >= MAX_PAGE_BYTES) {
        isCut.add(shard);
        break;
      }
      places[shard] = { id, taken: number + 1 === total ? 0 : number + 1 };
      chars += more;
      items.push(at(formatPlaces(places)));
    }
    if (!isCut.has(shard)) places[shard] = { id, taken: 0 };
  }
  for (const [shard, { end }] of pages.entries())
    if (!isCut.has(shard)) places[shard] = { id: end, taken: 0 };
  return {
    items,
    cursor: formatPlaces(places),
    hasMore: isCut.size > 0 || pages.some((page) => page.hasMore),
    gap: pages.some((page) => page.gap),
  };
}

function byAge(pages: readonly ShardPage[]): readonly Entry[] {
  const [only, second] = pages;
  if (only && !second) return only.entries;
  return pages.flatMap(({ entries }) => entries).sort((a, b) => msOf(a.id) - msOf(b.id));
}

export function msOf(id: string): number {
  return Number.parseInt(id, 10);
}
