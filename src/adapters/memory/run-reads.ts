import { InvalidCursorError, RUN_MARKS } from '../../ports/run-store.ts';
import type {
  IndexEntry,
  ListRunsQuery,
  LoadedRun,
  RunKey,
  RunListing,
  RunStore,
} from '../../ports/run-store.ts';
import type { MemoryDatabase, MemoryRun } from './memory-database.ts';

export function load(
  database: MemoryDatabase,
  key: RunKey,
  afterVersion: number | undefined,
): LoadedRun | undefined {
  const run = database.findRun(key);
  if (!run) return undefined;
  const version = run.events.length;
  if (afterVersion !== undefined && afterVersion <= version)
    return { version, tail: run.events.slice(afterVersion) };
  const { snapshot } = run;
  return snapshot
    ? { version, snapshot: { ...snapshot }, tail: run.events.slice(snapshot.version) }
    : { version, tail: run.events.slice() };
}

interface IndexedRun extends MemoryRun {
  readonly index: IndexEntry;
}

function isIndexed(run: MemoryRun): run is IndexedRun {
  return run.index !== undefined;
}

export function listRuns(
  database: MemoryDatabase,
  query: ListRunsQuery,
): Awaited<ReturnType<RunStore['listRuns']>> {
  const [startedAtMs, seq] = parseCursor(query.cursor, 2) ?? [Infinity, Infinity];
  const isAfter = (run: IndexedRun): boolean =>
    run.index.startedAtMs < (startedAtMs ?? 0) ||
    (run.index.startedAtMs === startedAtMs && run.seq < (seq ?? 0));
  const found = [...database.runs.values()]
    .filter(isIndexed)
    .filter((run) => isWanted(run, query) && isAfter(run))
    .sort((a, b) => b.index.startedAtMs - a.index.startedAtMs || b.seq - a.seq);
  const page = found.slice(0, query.limit);
  const runs = page.map(toListing);
  const last = page.at(-1);
  return found.length > page.length && last
    ? { runs, nextCursor: `${last.index.startedAtMs}-${last.seq}` }
    : { runs };
}

function isWanted({ key, index }: IndexedRun, query: ListRunsQuery): boolean {
  const { tenant, statuses, name, mark } = query;
  return (
    key.tenant === tenant &&
    (name === undefined || index.name === name) &&
    (mark === undefined || index.marks.includes(mark)) &&
    (statuses?.includes(index.status) ?? true)
  );
}

function toListing({ key, index }: IndexedRun): RunListing {
  return { key, ...copyOf(index) };
}

/** An index entry that shares nothing with its caller, its marks in their order. */
export function copyOf(entry: IndexEntry): IndexEntry {
  const { name, status, startedAtMs, finishedAtMs, marks } = entry;
  return {
    name,
    status,
    startedAtMs,
    ...(finishedAtMs === undefined ? {} : { finishedAtMs }),
    marks: RUN_MARKS.filter((mark) => marks.includes(mark)),
  };
}

export function scanRuns(
  database: MemoryDatabase,
  limit: number,
  cursor: string | undefined,
): Awaited<ReturnType<RunStore['scanRuns']>> {
  const [after] = parseCursor(cursor, 1) ?? [];
  // Insertion order of the map is the order of creation.
  const runs = [...database.runs.values()].filter(({ seq }) => seq > (after ?? 0)).slice(0, limit);
  const last = runs.at(-1);
  const keys = runs.map(({ key }) => key);
  return runs.length === limit && last ? { keys, nextCursor: String(last.seq) } : { keys };
}

function parseCursor(cursor: string | undefined, length: number): number[] | undefined {
  if (cursor === undefined) return undefined;
  const parts = cursor.split('-').map((part) => (/^\d{1,16}$/.test(part) ? Number(part) : NaN));
  if (parts.length !== length || !parts.every(Number.isSafeInteger))
    throw new InvalidCursorError('not a cursor of this list: start again without one');
  return parts;
}

/** What the rule allows to remove, oldest first within a tenant; runs with undelivered messages stay. */
export function findPurgeable(
  database: MemoryDatabase,
  rule: Parameters<RunStore['purgeFinished']>[0],
): readonly MemoryRun[] {
  const newestFirst = [...database.runs.values()]
    .filter((run) => run.index?.finishedAtMs !== undefined)
    .sort((a, b) => finishedAt(b) - finishedAt(a) || b.seq - a.seq);
  const rank = new Map<string, number>();
  const purgeable = newestFirst.filter((run) => {
    const newer = rank.get(run.key.tenant) ?? 0;
    rank.set(run.key.tenant, newer + 1);
    return newer >= rule.keepNewest || finishedAt(run) < rule.finishedBeforeMs;
  });
  return purgeable
    .filter(({ messages }) => messages.size === 0)
    .reverse()
    .slice(0, rule.limit);
}

function finishedAt(run: MemoryRun): number {
  return run.index?.finishedAtMs ?? Infinity;
}
