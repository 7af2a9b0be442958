import type { RedisNodes } from './redis-nodes.ts';
import type { RedisSession } from './redis-session.ts';
import { RedisStoreError } from './redis-store-error.ts';
import { integer, text } from './reply.ts';
import { raiseMeta, SCHEMA_VERSION } from './store-meta.ts';
import type { StoreMeta } from './store-meta.ts';

/** Of those that listen, the processes that know this schema: older ones have no dot in their names. */
export const WRITER_PREFIX = `v${SCHEMA_VERSION}.`;

/** Runs that one call looks at: Redis does nothing else meanwhile (some 10 µs a run with open work). */
const BATCH = '200';

/**
 * Makes a store of an older schema one of this schema: afterwards older versions of Baton refuse it. Rejects with
 * RedisStoreError, and has changed nothing, while one is heard: it would take converted tasks for damage and remove them. One
 * that was killed counts for a minute. Each batch of runs is converted whole or not at all. If the process dies midway, the schema
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
  await refuseWhileInUse(session);
  for (const shard of session.shards) {
    let after = '0';
    while (after !== '') after = text(await session.call('convert_runs', shard, [after, BATCH]));
  }
  await raiseMeta(nodes, prefix, meta);
}

async function refuseWhileInUse(session: RedisSession): Promise<void> {
  const counts = (await session.callAll('strangers', [WRITER_PREFIX])).map(integer);
  const count = Math.max(...counts);
  if (count === 0) return;
  throw new RedisStoreError(
    'in_use',
    `${count} process(es) of an older Baton still use this store, which has to be converted once: stop them, then try again (one that was killed is forgotten after a minute); nothing was changed`,
  );
}
