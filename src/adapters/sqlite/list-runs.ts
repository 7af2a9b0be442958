import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { InvalidCursorError } from '../../ports/run-store.ts';
import type { ListRunsQuery, RunKey, RunListing, RunMark } from '../../ports/run-store.ts';
import { bitsToMarks, STORED_MARKS } from './run-marks.ts';
import { integer, optionalInteger, prepare, text } from './statement.ts';
import type { Row, Statement } from './statement.ts';

export interface RunLists {
  list(query: ListRunsQuery): { runs: readonly RunListing[]; nextCursor?: string };
  scan(limit: number, cursor?: string): { keys: readonly RunKey[]; nextCursor?: string };
}

const COLUMNS = 'id, run_id, name, status, started_at, finished_at, marks';
const PAGE = 'AND (started_at, id) < (?, ?) ORDER BY started_at DESC, id DESC LIMIT ?';
const FIRST_PAGE = [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] as const;

export function prepareRunLists(db: DatabaseSync): RunLists {
  const anyStatus = prepare(
    db,
    `SELECT ${COLUMNS} FROM runs INDEXED BY runs_by_start
     WHERE tenant = ? AND started_at IS NOT NULL AND (?2 IS NULL OR name = ?2) ${PAGE}`,
  );
  // One ordered read a status: a list of statuses in one statement would sort all that match.
  const oneStatus = prepare(
    db,
    `SELECT ${COLUMNS} FROM runs INDEXED BY runs_by_status
     WHERE tenant = ? AND started_at IS NOT NULL AND (?2 IS NULL OR name = ?2) AND status = ? ${PAGE}`,
  );
  const oneMark: Record<RunMark, Statement> = {
    awaits_person: prepare(db, selectMarked('awaits_person')),
    has_checkpoints: prepare(db, selectMarked('has_checkpoints')),
  };
  const scanned = prepare(
    db,
    'SELECT id, tenant, run_id FROM runs WHERE id > ? ORDER BY id LIMIT ?',
  );

  const find = (query: ListRunsQuery, page: readonly SQLInputValue[]): readonly Row[] => {
    const { tenant, statuses, mark } = query;
    const name = query.name ?? null;
    if (mark)
      return oneMark[mark].rows(tenant, name, statuses ? JSON.stringify(statuses) : null, ...page);
    if (!statuses) return anyStatus.rows(tenant, name, ...page);
    return [...new Set(statuses)]
      .flatMap((status) => oneStatus.rows(tenant, name, status, ...page))
      .sort((a, b) => integer(b, 4) - integer(a, 4) || integer(b, 0) - integer(a, 0));
  };

  return {
    list: (query) => {
      const after = query.cursor === undefined ? FIRST_PAGE : parseCursor(query.cursor, 2);
      const rows = find(query, [...after, query.limit + 1]);
      const page = rows.slice(0, query.limit);
      const runs = page.map((row) => toListing(query.tenant, row));
      const last = page.at(-1);
      return rows.length > page.length && last
        ? { runs, nextCursor: formatCursor(integer(last, 4), integer(last, 0)) }
        : { runs };
    },
    scan: (limit, cursor) => {
      const [after = 0] = cursor === undefined ? [] : parseCursor(cursor, 1);
      const rows = scanned.rows(after, limit);
      const keys = rows.map((row) => ({ tenant: text(row, 1), runId: text(row, 2) }));
      const last = rows.at(-1);
      return rows.length === limit && last
        ? { keys, nextCursor: formatCursor(integer(last, 0)) }
        : { keys };
    },
  };
}

/**
 * Reads the index of the marked runs in its order; statuses are tested on the way, for marked runs are few. The term
 * with the bit stands as in the index's own condition: else SQLite does not use the index.
 */
export function selectMarked(mark: RunMark): string {
  const { bit, index } = STORED_MARKS[mark];
  return `SELECT ${COLUMNS} FROM runs INDEXED BY ${index}
     WHERE tenant = ? AND marks & ${bit} AND (?2 IS NULL OR name = ?2)
       AND (?3 IS NULL OR status IN (SELECT value FROM json_each(?3))) ${PAGE}`;
}

function toListing(tenant: string, row: Row): RunListing {
  const finishedAtMs = optionalInteger(row, 5);
  return {
    key: { tenant, runId: text(row, 1) },
    name: text(row, 2),
    status: text(row, 3),
    startedAtMs: integer(row, 4),
    ...(finishedAtMs === undefined ? {} : { finishedAtMs }),
    marks: bitsToMarks(integer(row, 6)),
  };
}

function formatCursor(...parts: readonly number[]): string {
  return parts.map((part) => part.toString(36)).join('-');
}

function parseCursor(cursor: string, length: number): readonly number[] {
  const parts = cursor.split('-').map((part) => (/^[0-9a-z]{1,11}$/.test(part) ? part : ''));
  const numbers = parts.map((part) => Number.parseInt(part, 36));
  if (numbers.length !== length || !numbers.every(Number.isSafeInteger))
    throw new InvalidCursorError('not a cursor of this list: start again without one');
  return numbers;
}
