import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { selectMarked } from '../../src/adapters/sqlite/list-runs.ts';
import { MIGRATIONS, SCHEMA_VERSION } from '../../src/adapters/sqlite/schema.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/sqlite-store.ts';
import { RUN_MARKS } from '../../src/ports/run-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { claimTasks, commit, event, only, present, runKey, task } from './fixture.ts';
import { listed } from './listing.ts';
import { createVersionOneFile, VERSION_ONE_SECRET } from './version-one-file.ts';

const ARTIFACT = { mediaType: 'text/plain', content: new Uint8Array([1, 2, 3]) };

let path: string;
let directory: string;
const opened: { close(): unknown }[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'baton-migration-'));
  path = join(directory, 'baton.sqlite');
});

afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
  rmSync(directory, { recursive: true });
});

async function open(): Promise<Store> {
  const [clock, ids] = [createManualClock(), createSeededIds(7)];
  const store = await openSqliteStore({ path, clock, ids, logger: silentLogger });
  opened.push(store);
  return store;
}

/** A connection beside the store's. */
function connect(): DatabaseSync {
  const db = new DatabaseSync(path);
  opened.push(db);
  return db;
}

function storedVersion(): number {
  return readFileSync(path).readInt32BE(60);
}

describe('a file of the first released version', () => {
  it('is built by the first step, which never changes', () => {
    const hash = createHash('sha256').update(present(MIGRATIONS[0])).digest('hex');
    expect(hash).toBe('bd91c0ea98d59c154d1bb2e413aa1572e6fefa51c0d466b4e7f2169c45369d3a');
  });

  it('is migrated when it is opened, and lists the same', async () => {
    createVersionOneFile(path);
    expect(storedVersion()).toBe(1);
    const store = await open();
    expect(storedVersion()).toBe(SCHEMA_VERSION);
    expect(await store.describe()).toMatchObject({ schemaVersion: SCHEMA_VERSION });
    expect((await store.listRuns({ tenant: 'acme', limit: 9 })).runs).toEqual([
      { key: runKey('running'), name: 'y', status: 'running', startedAtMs: 3000, marks: [] },
      {
        key: runKey('done'),
        name: 'x',
        status: 'completed',
        startedAtMs: 1000,
        finishedAtMs: 2000,
        marks: [],
      },
    ]);
    for (const mark of RUN_MARKS) expect(await listed(store, { limit: 9, mark })).toEqual([]);
    expect((await store.scanRuns(9)).keys).toHaveLength(4);
  });

  it('keeps all that was in it', async () => {
    createVersionOneFile(path);
    const store = await open();
    const snapshot = { version: 1, data: '{"state":1}' };
    expect(store.secret).toBe(VERSION_ONE_SECRET);
    expect(await store.load(runKey('done'))).toEqual({ version: 2, snapshot, tail: [event(2)] });
    expect(await store.readHistory(runKey('done'), 1, 9)).toEqual([event(1), event(2)]);
    expect(await store.findCommand(runKey('done'), 'start')).toEqual({
      answer: { n: 1 },
      digest: 'd',
    });
    expect((await store.openWork(runKey('running'))).timers).toEqual([
      { timerId: 't', dueAtMs: 4000 },
    ]);
    const claimed = only(await claimTasks(store, { queues: ['old'] }));
    expect(claimed).toMatchObject({ slot: 'a', lease: { fence: 8 } });
    expect(await store.findByName('acme', 'x')).toMatchObject({ document: 'steps' });
    expect(await store.getValue('n', 'k')).toMatchObject({ value: [1], revision: 6 });
  });

  it('takes marks and artifacts for its old runs', async () => {
    createVersionOneFile(path);
    const store = await open();
    const index = { name: 'y', status: 'running', startedAtMs: 3000, marks: RUN_MARKS };
    await commit(store, runKey('running'), 1, { index });
    for (const mark of RUN_MARKS)
      expect(await listed(store, { limit: 9, mark })).toEqual(['running']);
    const id = present(await store.putArtifact(runKey('silent'), ARTIFACT));
    await store.close();
    expect(await (await open()).getArtifact(runKey('silent'), id)).toEqual(ARTIFACT);
  });

  it('keeps its tasks in their order, before what comes later, and lets other tenants have turns', async () => {
    createVersionOneFile(
      path,
      `INSERT INTO tasks (run, slot, attempt, queue, seq, enqueued_at) VALUES
         (2, 'c', 1, 'old', 9, 3000), (2, 'b', 1, 'old', 8, 3000);
       UPDATE meta SET sequence = 9`,
    );
    const store = await open();
    await commit(store, runKey('running'), 1, { enqueue: [task('d', { queue: 'old' })] });
    const urgent = { ...task('f', { queue: 'old' }), priority: 'high' } as const;
    await commit(store, runKey('done', 'other'), 1, {
      enqueue: [task('e', { queue: 'old' }), urgent],
    });
    const slots = (await claimTasks(store, { queues: ['old'] })).map(({ slot }) => slot);
    expect(slots[0]).toBe('f');
    expect(slots.filter((slot) => 'abcd'.includes(slot))).toEqual(['a', 'b', 'c', 'd']);
    expect(slots.indexOf('e')).toBeLessThanOrEqual(2);
  });

  it('stays as it was when its migration fails', async () => {
    // The last table of the step is there already: what came before it must be undone.
    createVersionOneFile(path, 'CREATE TABLE artifacts (x)');
    await expect(open()).rejects.toMatchObject({ code: 'unreadable', path });
    expect(storedVersion()).toBe(1);
    const db = connect();
    const columns = db.prepare("SELECT name FROM pragma_table_info('runs')").all();
    expect(columns.map(({ name }) => name)).not.toContain('marks');
    db.exec('DROP TABLE artifacts');
    expect((await (await open()).scanRuns(9)).keys).toHaveLength(4);
  });

  it('may still be open in an older process, which goes on with the tasks', async () => {
    createVersionOneFile(path);
    const older = connect();
    const oldest = older.prepare(
      `SELECT t.slot FROM tasks t INDEXED BY tasks_queue WHERE t.queue = ? AND t.recalled_at IS NULL
         AND t.claimable_at <= ? ORDER BY t.claimable_at, t.seq LIMIT ?`,
    );
    const insert = older.prepare(
      'INSERT INTO tasks (run, slot, attempt, queue, seq, enqueued_at) VALUES (2, ?, 1, ?, ?, 1)',
    );
    const store = await open();
    insert.run('b', 'old', 10);
    await commit(store, runKey('running'), 1, { enqueue: [task('c', { queue: 'old' })] });
    expect(oldest.all('old', 1, 9).map(({ slot }) => slot)).toEqual(['a', 'c', 'b']);
    const slots = (await claimTasks(store, { queues: ['old'] })).map(({ slot }) => slot);
    expect(slots.sort()).toEqual(['a', 'b', 'c']);
  });

  it('may still be open in an older process, which leaves no artifact behind', async () => {
    createVersionOneFile(path);
    const older = connect();
    const insert = older.prepare(
      `INSERT INTO runs (tenant, run_id, version, name, status, started_at, finished_at)
       VALUES (?, ?, 1, 'n', 'completed', 1, 2)`,
    );
    const remove = older.prepare('DELETE FROM runs WHERE run_id = ?');
    const store = await open();
    const row = insert.run('acme', 'last').lastInsertRowid;
    const { runs } = await store.listRuns({ tenant: 'acme', limit: 9, name: 'n' });
    expect(runs).toMatchObject([{ key: runKey('last'), marks: [] }]);
    const id = present(await store.putArtifact(runKey('last'), ARTIFACT));
    remove.run('last');
    // The row's number goes to the next run, here of another tenant.
    expect(insert.run('other', 'next').lastInsertRowid).toBe(row);
    expect(await store.getArtifact(runKey('next', 'other'), id)).toBeUndefined();
    expect(older.prepare('SELECT count(*) AS n FROM artifacts').get()).toEqual({ n: 0 });
  });
});

describe('looking up runs by mark', () => {
  it.each(RUN_MARKS)('walks the index of %s alone, in its order', async (mark) => {
    await open();
    const plan = connect()
      .prepare(`EXPLAIN QUERY PLAN ${selectMarked(mark)}`)
      .all('acme', null, null, 1, 1, 1)
      .map(({ detail }) => String(detail));
    expect(plan[0]).toMatch(/^SEARCH runs USING INDEX runs_\w+ \(tenant=\? AND started_at<\?\)$/);
    expect(plan.join()).not.toMatch(/SCAN runs|TEMP B-TREE/);
  });

  it('has no entry for runs without marks', async () => {
    await open();
    const indexes = connect().prepare(
      "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql LIKE '%marks%' ORDER BY name",
    );
    expect(indexes.all().map(({ sql }) => /WHERE .*/.exec(String(sql))?.[0])).toEqual([
      'WHERE marks & 1',
      'WHERE marks & 2',
    ]);
  });
});
