import { z } from 'zod';
import type { RedisNodes } from './redis-nodes.ts';
import { replyCode } from './redis-failure.ts';
import { RedisStoreError } from './redis-store-error.ts';
import { text } from './reply.ts';

/**
 * Grows with every change of the keys (functions/shared.lua) that older versions of Baton cannot work with. 2: open work
 * stands in the run's hash, leases that are handed on keep their place in line, and lines may be early
 * (functions/items.lua). 3: events are packed (event-text.ts), no line holds all runs of a tenant
 * (functions/run-index.lua), and the kept task begins with its names (functions/items.lua). 4: the lines of open work, who
 * listens and the tenants with finished runs have other names (functions/fence.lua). convert-store.ts makes it of the
 * older ones.
 */
export const SCHEMA_VERSION = 4;

const metaSchema = z.object({
  schemaVersion: z.number().int(),
  shards: z.number().int().min(1).max(1_024),
  secret: z.string().regex(/^[0-9a-f]{64,}$/),
  /** The schema before a conversion that has begun and not ended. */
  convertingFrom: z.number().int().optional(),
});
export type StoreMeta = z.infer<typeof metaSchema>;

/** With the first shard, so that it is found on a Cluster like all else. */
export function metaKey(prefix: string): string {
  return `${prefix}:{0}:meta`;
}

/**
 * What was fixed when the store was made, by whoever was first: `fresh` then stands. Its schema may be older than this one
 * (convert-store.ts). Throws RedisStoreError, and has changed nothing, when the key holds something else or a newer store.
 */
export async function openMeta(
  nodes: RedisNodes,
  prefix: string,
  fresh: StoreMeta,
): Promise<StoreMeta> {
  const key = metaKey(prefix);
  try {
    await nodes.send(0, 'set', [key, JSON.stringify(fresh), 'nx']);
    return parseMeta(key, text(await nodes.send(0, 'get', [key])));
  } catch (error) {
    if (replyCode(error) === 'WRONGTYPE') throw foreign(key);
    throw error;
  }
}

/** From then on older versions of Baton refuse the store, and this one converts it before all else. */
export async function beginConversion(
  nodes: RedisNodes,
  prefix: string,
  meta: StoreMeta,
  convertingFrom: number,
): Promise<void> {
  await replaceMeta(nodes, prefix, { ...meta, schemaVersion: SCHEMA_VERSION, convertingFrom });
}

export async function endConversion(
  nodes: RedisNodes,
  prefix: string,
  { shards, secret }: StoreMeta,
): Promise<void> {
  await replaceMeta(nodes, prefix, { schemaVersion: SCHEMA_VERSION, shards, secret });
}

async function replaceMeta(nodes: RedisNodes, prefix: string, meta: StoreMeta): Promise<void> {
  await nodes.send(0, 'set', [metaKey(prefix), JSON.stringify(meta), 'xx']);
}

function parseMeta(key: string, json: string): StoreMeta {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw foreign(key);
  }
  const version = z.object({ schemaVersion: z.number() }).safeParse(value).data?.schemaVersion;
  if (version !== undefined && version > SCHEMA_VERSION)
    throw new RedisStoreError(
      'newer',
      `the store at ${key} was made by a newer Baton (schema ${version}, this one knows ${SCHEMA_VERSION}); use that version or another prefix`,
    );
  const { data } = metaSchema.safeParse(value);
  if (!data) throw foreign(key);
  return data;
}

function foreign(key: string): RedisStoreError {
  return new RedisStoreError(
    'foreign',
    `the key ${key} holds what Baton did not write; name another prefix (redis://host?prefix=name)`,
  );
}
