import type { Json } from '../../domain/json.ts';
import type { KeyValueEntry, KeyValueStore } from '../../ports/key-value-store.ts';
import type { RedisSession } from './redis-session.ts';
import { list, optionalInteger, ReplyReader } from './reply.ts';
import type { Reply } from './reply.ts';

/** All values of a namespace stand in one shard. */
export function createRedisKeyValues(session: RedisSession): KeyValueStore {
  const call = (operation: string, namespace: string, ...more: readonly string[]): Promise<Reply> =>
    session.perform(() =>
      session.call(operation, session.shardOf(`values\n${namespace}`), [
        session.now,
        namespace,
        ...more,
      ]),
    );

  return {
    getValue: async (namespace, key) => {
      const reply = await call('get_value', namespace, key);
      return list(reply).length === 0 ? undefined : readEntry(key, new ReplyReader(reply));
    },
    listValues: async (namespace) => {
      const reader = new ReplyReader(await call('list_values', namespace));
      const entries: KeyValueEntry[] = [];
      while (!reader.isAtEnd) entries.push(readEntry(reader.text(), reader));
      return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
    },
    setValue: async (namespace, key, value, { ttlMs, expectedRevision } = {}) => {
      const options = [ttlMs, expectedRevision].map((option) =>
        option === undefined ? '' : String(option),
      );
      return optionalInteger(
        await call('set_value', namespace, key, JSON.stringify(value), ...options),
      );
    },
    deleteValue: async (namespace, key, expectedRevision) => {
      const revision = expectedRevision === undefined ? '' : String(expectedRevision);
      return (await call('delete_value', namespace, key, revision)) === 1;
    },
  };
}

function readEntry(key: string, reader: ReplyReader): KeyValueEntry {
  const revision = reader.integer();
  // Written by JSON.stringify of a Json.
  return { key, revision, value: JSON.parse(reader.text()) as Json };
}
