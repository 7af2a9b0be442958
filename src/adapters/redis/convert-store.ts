import { fenceOldWriters } from './fence-old-writers.ts';
import type { RedisNodes } from './redis-nodes.ts';
import type { RedisSession } from './redis-session.ts';
import { RedisStoreError } from './redis-store-error.ts';
import { integer, text } from './reply.ts';
import { beginConversion, endConversion, SCHEMA_VERSION } from './store-meta.ts';
import type { StoreMeta } from './store-meta.ts';

/** Begins the names of processes that know this schema among those that listen: for the conversion to the next one. */
export const WRITER_PREFIX = `v${SCHEMA_VERSION}.`;

/** Runs that one call looks at: Redis does nothing else meanwhile (some 10 µs a run with open work). */
const BATCH = '200';

/**
 * Makes a store of an older schema one of this schema. Rejects with RedisStoreError, and has changed nothing, while an older
 * Baton is heard; one that was killed counts for a minute. From the first change on older versions refuse to open the store, and
 * those that slept through it are refused in whatever they would write (fence-old-writers.ts). Each batch of runs is converted
 * whole or not at all. If the process dies midway, the store says so, and whoever opens it next goes through it again; what is
 * converted stays so. Two processes may do it at once. Rejects as `RedisSession.call` does.
 */
export async function convertStore(
  session: RedisSession,
  nodes: RedisNodes,
  prefix: string,
  meta: StoreMeta,
): Promise<void> {
  const from = meta.convertingFrom ?? meta.schemaVersion;
  if (from === SCHEMA_VERSION) return;
  // Once begun it goes on: an older Baton that wakes up finds neither its own store nor a whole new one.
  if (meta.convertingFrom === undefined) await refuseWhileInUse(session);
  await beginConversion(nodes, prefix, meta, from);
  await fenceOldWriters(session, nodes);
  // Of schema 3 too: an older Baton that was not fenced off then may have left runs in the old form.
  await convertRuns(session);
  await endConversion(nodes, prefix, meta);
}

async function convertRuns(session: RedisSession): Promise<void> {
  for (const shard of session.shards) {
    let after = '0';
    while (after !== '') after = text(await session.call('convert_runs', shard, [after, BATCH]));
  }
}

async function refuseWhileInUse(session: RedisSession): Promise<void> {
  const counts = (await session.callAll('strangers', [])).map(integer);
  const count = Math.max(...counts);
  if (count === 0) return;
  throw new RedisStoreError(
    'in_use',
    `${count} process(es) of an older Baton still use this store, which has to be converted once: stop them, then try again (one that was killed is forgotten after a minute); nothing was changed`,
  );
}
