import type { RedisNodes } from './redis-nodes.ts';
import type { RedisSession } from './redis-session.ts';
import { text } from './reply.ts';
import { raiseMeta, SCHEMA_VERSION } from './store-meta.ts';
import type { StoreMeta } from './store-meta.ts';

/** Runs that one call looks at: Redis does nothing else meanwhile (some 10 µs a run with open work). */
const BATCH = '200';

/**
 * Makes a store of an older schema one of this schema: afterwards older versions of Baton refuse it; those that already
 * run must have ended before. Each batch of runs is converted whole or not at all. If the process dies midway, the schema
 * is still the old one, and whoever opens the store next goes through it again; what is converted stays so. Two processes
 * may do it at once. Rejects as `RedisSession.call` does.
 */
export async function convertStore(
  session: RedisSession,
  nodes: RedisNodes,
  prefix: string,
  meta: StoreMeta,
): Promise<void> {
  if (meta.schemaVersion === SCHEMA_VERSION) return;
  for (const shard of session.shards) {
    let after = '0';
    while (after !== '') after = text(await session.call('convert_runs', shard, [after, BATCH]));
  }
  await raiseMeta(nodes, prefix, meta);
}
