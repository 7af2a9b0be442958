import type { RunStore } from '../../ports/run-store.ts';
import type { RedisSession } from './redis-session.ts';
import { integer, list, text } from './reply.ts';

type PurgeRule = Parameters<RunStore['purgeFinished']>[0];

interface FinishedRun {
  readonly shard: number;
  readonly runId: string;
  readonly finishedAtMs: number;
  /** Undelivered messages keep it. */
  readonly hasMessages: boolean;
}

/** Runs read at once from a shard. */
const CHUNK = 200;

/** Oldest first, tenant by tenant. Between reading and removing nothing is assumed: each removal looks again. */
export async function purgeFinished(session: RedisSession, rule: PurgeRule): Promise<number> {
  let removed = 0;
  for (const [tenant, finished] of await countFinished(session)) {
    if (removed >= rule.limit) break;
    const surplus = Math.max(0, finished - rule.keepNewest);
    const limit = rule.limit - removed;
    const found = await findRemovable(session, tenant, { ...rule, surplus, limit });
    removed += await remove(session, tenant, found);
  }
  if (removed < rule.limit) await forgetEmptyQueues(session);
  return removed;
}

/** Queues are named after agents and programs too. Claims do not look for queues that are gone, so they would stay for ever. */
async function forgetEmptyQueues(session: RedisSession): Promise<void> {
  await session.callAll('queue_depths', [session.now]);
}

async function countFinished(session: RedisSession): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const row of (await session.callAll('finished_tenants', [])).flatMap(list).map(list)) {
    const tenant = text(row[0]);
    counts.set(tenant, (counts.get(tenant) ?? 0) + integer(row[1]));
  }
  return counts;
}

/** Walks from the oldest on: as far as runs are too many or too old. */
async function findRemovable(
  session: RedisSession,
  tenant: string,
  rule: { readonly surplus: number; readonly finishedBeforeMs: number; readonly limit: number },
): Promise<readonly FinishedRun[]> {
  const found: FinishedRun[] = [];
  let rank = 0;
  for await (const run of oldestFirst(session, tenant)) {
    if (rank >= rule.surplus && run.finishedAtMs >= rule.finishedBeforeMs) break;
    rank += 1;
    if (!run.hasMessages) found.push(run);
    if (found.length >= rule.limit) break;
  }
  return found;
}

async function* oldestFirst(session: RedisSession, tenant: string): AsyncGenerator<FinishedRun> {
  const walks = session.shards.map((shard) => walk(session, shard, tenant));
  const heads = await Promise.all(walks.map(async (one) => (await one.next()).value));
  for (;;) {
    let oldest: number | undefined;
    for (const [at, head] of heads.entries())
      if (head && head.finishedAtMs < (heads[oldest ?? -1]?.finishedAtMs ?? Infinity)) oldest = at;
    const run = oldest === undefined ? undefined : heads[oldest];
    if (oldest === undefined || !run) return;
    yield run;
    heads[oldest] = (await walks[oldest]?.next())?.value;
  }
}

async function* walk(
  session: RedisSession,
  shard: number,
  tenant: string,
): AsyncGenerator<FinishedRun, undefined> {
  for (let from = 0; ; from += CHUNK) {
    const args = [tenant, String(from), String(CHUNK)];
    const rows = list(await session.call('oldest_finished', shard, args)).map(list);
    for (const row of rows)
      yield {
        shard,
        runId: text(row[0]),
        finishedAtMs: integer(row[1]),
        hasMessages: row[2] === '1',
      };
    if (rows.length < CHUNK) return undefined;
  }
}

async function remove(
  session: RedisSession,
  tenant: string,
  found: readonly FinishedRun[],
): Promise<number> {
  const counts = await Promise.all(
    session.shards.map(async (shard) => {
      const runIds = found.filter((run) => run.shard === shard).map(({ runId }) => runId);
      if (runIds.length === 0) return 0;
      return integer(await session.call('remove_runs', shard, [tenant, ...runIds]));
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
