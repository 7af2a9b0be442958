import { assertMessages, MAX_PAGE_BYTES } from '../../ports/message-bus.ts';
import type { FeedPage, MessageBus, NewBusMessage } from '../../ports/message-bus.ts';
import {
  FIRST_PLACE,
  formatPlaces,
  mergePages,
  msOf,
  parsePlaces,
  readShardPage,
} from './feed-page.ts';
import type { ShardPlace } from './feed-page.ts';
import { Publisher, PublishQueue } from './publish-queue.ts';
import type { RedisSession } from './redis-session.ts';
import { integer, list, text } from './reply.ts';
import type { WakeUps } from './wake-ups.ts';

/**
 * Each shard has a stream of its own: the pointers of its commits, and the messages of the topics that fall to it. A cursor
 * holds a place in each.
 */
export function createRedisMessageBus(
  session: RedisSession,
  wakeUps: WakeUps,
  maxFeedEntries: number,
): MessageBus {
  const { shardCount } = session;
  const queue = new PublishQueue(session, maxFeedEntries, () => wakeUps.notify({ work: false }));
  return {
    publish: async (tenant, messages) => {
      const bodies = assertMessages(messages);
      if (messages.length === 0) return { published: 0, duplicates: 0 };
      const publisher = new Publisher(messages.length);
      for (const [at, message] of messages.entries()) {
        const { id, topic } = message;
        const shard = shardCount === 1 ? 0 : session.shardOf(`topic\n${tenant}\n${topic}`);
        const name = id === undefined ? '' : JSON.stringify([tenant, topic, id]);
        queue.add(shard, tenant, name, lineOf(message, bodies[at] ?? ''), publisher);
      }
      const duplicates = await publisher.answer;
      return { published: messages.length - duplicates, duplicates };
    },
    readFeed: async (request) => {
      const { after } = request;
      const places = after === undefined ? undefined : parsePlaces(after, session.shardCount);
      return session.perform(() => readFeed(session, request, places));
    },
    feedEnd: () =>
      session.perform(async () => {
        const ends = await session.callAll('feed_end', []);
        return formatPlaces(ends.map((end) => ({ id: text(end), taken: 0 })));
      }),
    countFeed: async (after, most) => {
      const places = parsePlaces(after, session.shardCount);
      return session.perform(async () => {
        const counts = await Promise.all(
          places.map((place, shard) => session.call('count_feed', shard, [place.id, String(most)])),
        );
        return Math.min(
          most,
          counts.map(integer).reduce((sum, count) => sum + count, 0),
        );
      });
    },
    feedStatus: () =>
      session.perform(async () => {
        const shards = (await session.callAll('feed_status', [])).map(list);
        const entries = shards.reduce((sum, [count]) => sum + integer(count), 0);
        const oldest = shards.flatMap(([, id]) => (id === '' ? [] : [msOf(text(id))]));
        return entries === 0 ? { entries } : { entries, oldestAtMs: Math.min(...oldest) };
      }),
  };
}

/** `[id or null, topic, body]`: the body is JSON text already. */
function lineOf({ id, topic }: NewBusMessage, body: string): string {
  return `[${id === undefined ? 'null' : JSON.stringify(id)},${JSON.stringify(topic)},${body}]`;
}

async function readFeed(
  session: RedisSession,
  { tenant, limit, only }: Parameters<MessageBus['readFeed']>[0],
  places: readonly ShardPlace[] | undefined,
): Promise<FeedPage> {
  // Each its share, so that little is read in vain; a shard alone with messages only has smaller pages.
  const share = String(Math.max(1, Math.ceil(limit / session.shardCount)));
  const pages = await Promise.all(
    session.shards.map(async (shard) => {
      const place = places?.[shard];
      const after = place ? [place.id, place.taken > 0 ? '1' : ''] : ['', ''];
      const args = [...after, tenant, only ?? '', share, String(MAX_PAGE_BYTES)];
      return readShardPage(tenant, shard, await session.call('read_feed', shard, args));
    }),
  );
  const start = places ?? session.shards.map(() => FIRST_PLACE);
  return mergePages(start, pages, limit);
}
