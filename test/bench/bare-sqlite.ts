import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { timed } from './measure.ts';

/**
 * The ceiling: what a step's commit costs in bare SQL, without leases, checks, timers or any engine. Four small
 * statements (version, history, command, task), `groupSize` commits a transaction, WAL with synchronous=FULL.
 */
export async function bareCommitsPerSecond(
  folder: string,
  commits: number,
  groupSize: number,
): Promise<number> {
  const database = new DatabaseSync(join(folder, `bare-${groupSize}.db`));
  database.exec(`PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
    CREATE TABLE runs(id INTEGER PRIMARY KEY, version INTEGER);
    CREATE TABLE history(run INTEGER, seq INTEGER, events TEXT, PRIMARY KEY(run, seq)) WITHOUT ROWID;
    CREATE TABLE commands(run INTEGER, id TEXT, answer TEXT, PRIMARY KEY(run, id)) WITHOUT ROWID;
    CREATE TABLE tasks(run INTEGER, slot TEXT, attempt INTEGER, PRIMARY KEY(run, slot)) WITHOUT ROWID;`);
  const statements = [
    database.prepare(
      'INSERT INTO runs VALUES(?, 1) ON CONFLICT DO UPDATE SET version = version + 1',
    ),
    database.prepare('INSERT INTO history VALUES(?, ?, ?)'),
    database.prepare('INSERT INTO commands VALUES(?, ?, ?)'),
    database.prepare('INSERT OR REPLACE INTO tasks VALUES(?, ?, 1)'),
  ] as const;
  const events = 'x'.repeat(500);
  const elapsedMs = await timed(() => {
    for (let commit = 0; commit < commits; commit += groupSize) {
      database.exec('BEGIN IMMEDIATE');
      for (let member = 0; member < groupSize; member += 1) {
        // Four commits a run, as a three-step workflow has.
        const run = Math.floor((commit + member) / 4);
        const seq = (commit + member) % 4;
        statements[0].run(run);
        statements[1].run(run, seq, events);
        statements[2].run(run, `report:step${seq}#1`, '{"version":1}');
        statements[3].run(run, 'step');
      }
      database.exec('COMMIT');
    }
  });
  database.close();
  return commits / (elapsedMs / 1_000);
}
