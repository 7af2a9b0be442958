import type { DatabaseSync } from 'node:sqlite';
import type { Json } from '../../domain/json.ts';
import type { LoadedRun, RunKey, RunStore } from '../../ports/run-store.ts';
import { integer, optionalText, prepare, text } from './statement.ts';
import type { Row } from './statement.ts';

type RecordedCommand = NonNullable<Awaited<ReturnType<RunStore['findCommand']>>>;

export interface RunReads {
  load(key: RunKey, afterVersion: number | undefined): LoadedRun | undefined;
  command(key: RunKey, commandId: string): RecordedCommand | undefined;
  history(key: RunKey, fromSequence: number, limit: number): readonly string[];
}

export function prepareRunReads(db: DatabaseSync): RunReads {
  const findRun = prepare(db, 'SELECT id, version FROM runs WHERE tenant = ? AND run_id = ?');
  const findSnapshot = prepare(db, 'SELECT version, data FROM snapshots WHERE run = ?');
  // The commit that holds the first wanted event may begin before it.
  const findEvents = prepare(
    db,
    `SELECT first_seq, events FROM history WHERE run = ?1 AND first_seq BETWEEN
       (SELECT max(first_seq) FROM history WHERE run = ?1 AND first_seq <= ?2) AND ?3
     ORDER BY first_seq`,
  );

  const findCommand = prepare(
    db,
    `SELECT c.answer, c.digest FROM runs r JOIN commands c ON c.run = r.id
     WHERE r.tenant = ? AND r.run_id = ? AND c.id = ?`,
  );

  const readEvents = (run: number, from: number, to: number): string[] => {
    const events: string[] = [];
    if (from > to) return events;
    for (const row of findEvents.rows(run, from, to)) append(events, row, from, to);
    return events;
  };

  return {
    load: (key, afterVersion) => {
      const found = findRun.row(key.tenant, key.runId);
      if (!found) return undefined;
      const run = integer(found, 0);
      const version = integer(found, 1);
      if (afterVersion !== undefined && afterVersion <= version)
        return { version, tail: readEvents(run, afterVersion + 1, version) };
      const row = findSnapshot.row(run);
      if (!row) return { version, tail: readEvents(run, 1, version) };
      const snapshot = { version: integer(row, 0), data: text(row, 1) };
      return { version, snapshot, tail: readEvents(run, snapshot.version + 1, version) };
    },
    command: (key, commandId) => {
      const row = findCommand.row(key.tenant, key.runId, commandId);
      if (!row) return undefined;
      const digest = optionalText(row, 1);
      // Written by JSON.stringify of a Json.
      const answer = JSON.parse(text(row, 0)) as Json;
      return { answer, ...(digest === undefined ? {} : { digest }) };
    },
    history: (key, fromSequence, limit) => {
      const found = findRun.row(key.tenant, key.runId);
      if (!found) return [];
      const from = Math.max(1, fromSequence);
      return readEvents(integer(found, 0), from, Math.min(integer(found, 1), from + limit - 1));
    },
  };
}

/** Adds those events of one commit that lie between `from` and `to`. */
function append(events: string[], row: Row, from: number, to: number): void {
  const first = integer(row, 0);
  for (const [at, event] of text(row, 1).split('\n').entries()) {
    if (first + at >= from && first + at <= to) events.push(event);
  }
}
