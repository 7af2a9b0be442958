import { InvalidCursorError, RUN_MARKS } from '../../ports/run-store.ts';
import type { ListRunsQuery, RunKey, RunListing, RunStore } from '../../ports/run-store.ts';
import type { RedisSession } from './redis-session.ts';
import { list, integer, ReplyReader, text } from './reply.ts';

/** A place in the order of lists: newest start first, then the bytes of the run id, last first. */
interface Place {
  readonly start: string;
  readonly runId: string;
}

/** One sorted set of one shard, with the filters it does not fulfil by itself. */
interface Line {
  readonly shard: number;
  readonly kind: '' | 'status' | 'mark';
  readonly which: string;
  readonly statuses: readonly string[] | undefined;
}

/** Reads one more than the page from each line and merges. */
export async function listRuns(
  session: RedisSession,
  query: ListRunsQuery,
): Promise<{ runs: readonly RunListing[]; nextCursor?: string }> {
  const after = query.cursor === undefined ? undefined : parseCursor(query.cursor);
  const found = await Promise.all(
    linesOf(session, query).map((line) => readLine(session, query, line, after)),
  );
  const sorted = found.flat().sort(byStart);
  const runs = sorted.slice(0, query.limit);
  const last = runs.at(-1);
  return sorted.length > runs.length && last ? { runs, nextCursor: formatCursor(last) } : { runs };
}

function linesOf({ shards }: RedisSession, { statuses, mark }: ListRunsQuery): readonly Line[] {
  if (mark) return shards.map((shard) => ({ shard, kind: 'mark', which: mark, statuses }));
  if (!statuses)
    return shards.map((shard) => ({ shard, kind: '', which: '', statuses: undefined }));
  return shards.flatMap((shard) =>
    [...new Set(statuses)].map((status): Line => ({
      shard,
      kind: 'status',
      which: status,
      statuses: undefined,
    })),
  );
}

/** A call looks at a bounded number of entries: a rare name takes several. */
async function readLine(
  session: RedisSession,
  { tenant, name, limit }: ListRunsQuery,
  { shard, kind, which, statuses }: Line,
  after: Place | undefined,
): Promise<readonly RunListing[]> {
  const filters = [
    ...(name === undefined ? ['', ''] : ['1', name]),
    ...(statuses === undefined ? [''] : ['1', ...statuses]),
  ];
  const found: RunListing[] = [];
  let place = after;
  let hasMore = true;
  while (hasMore && found.length <= limit) {
    const from = [place?.start ?? '', place?.runId ?? '', String(limit + 1 - found.length)];
    const args = [tenant, kind, which, ...from, ...filters];
    const reader = new ReplyReader(await session.call('list_runs', shard, args));
    hasMore = reader.text() === '1';
    place = { start: reader.text(), runId: reader.text() };
    while (!reader.isAtEnd) found.push(readListing(tenant, reader));
  }
  return found;
}

function readListing(tenant: string, reader: ReplyReader): RunListing {
  const key = { tenant, runId: reader.text() };
  const entry = { name: reader.text(), status: reader.text(), startedAtMs: reader.integer() };
  const finishedAtMs = reader.optionalInteger();
  const marks = reader.text().split(',');
  return {
    key,
    ...entry,
    ...(finishedAtMs === undefined ? {} : { finishedAtMs }),
    // Marks of a newer Baton are not shown.
    marks: RUN_MARKS.filter((mark) => marks.includes(mark)),
  };
}

function byStart(a: RunListing, b: RunListing): number {
  return (
    b.startedAtMs - a.startedAtMs || Buffer.from(b.key.runId).compare(Buffer.from(a.key.runId))
  );
}

function formatCursor({ startedAtMs, key }: RunListing): string {
  return `${startedAtMs.toString(36)}.${Buffer.from(key.runId).toString('base64url')}`;
}

function parseCursor(cursor: string): Place {
  const [, start, runId] = /^([0-9a-z]{1,11})\.([A-Za-z0-9_-]+)$/.exec(cursor) ?? refuse();
  if (start === undefined || runId === undefined) return refuse();
  const startedAtMs = Number.parseInt(start, 36);
  if (!Number.isSafeInteger(startedAtMs)) return refuse();
  return { start: String(startedAtMs), runId: Buffer.from(runId, 'base64url').toString() };
}

/** Shard by shard, in each by order of creation. */
export async function scanRuns(
  session: RedisSession,
  limit: number,
  cursor?: string,
): ReturnType<RunStore['scanRuns']> {
  let [shard, after] = cursor === undefined ? [0, '0'] : parseScanCursor(cursor);
  const keys: RunKey[] = [];
  while (shard < session.shardCount) {
    const rows = list(await session.call('scan_runs', shard, [after, String(limit - keys.length)]));
    for (const row of rows.map(list)) {
      keys.push({ tenant: text(row[0]), runId: text(row[1]) });
      after = String(integer(row[2]));
    }
    if (keys.length >= limit) return { keys, nextCursor: `${shard.toString(36)}.${after}` };
    shard += 1;
    after = '0';
  }
  return { keys };
}

function parseScanCursor(cursor: string): [shard: number, after: string] {
  const [, shard, after] = /^([0-9a-z]{1,4})\.(\d{1,16})$/.exec(cursor) ?? refuse();
  if (shard === undefined || after === undefined) return refuse();
  return [Number.parseInt(shard, 36), after];
}

function refuse(): never {
  throw new InvalidCursorError('not a cursor of this list: start again without one');
}
