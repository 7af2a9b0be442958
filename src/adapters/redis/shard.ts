/**
 * The shard of a name: FNV-1a over its UTF-16 units (http://www.isthe.com/chongo/tech/comp/fnv/). Never changes, for
 * what is stored is found by it.
 */
export function shardOf(name: string, shardCount: number): number {
  if (shardCount === 1) return 0;
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at += 1)
    hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193) >>> 0;
  return hash % shardCount;
}
