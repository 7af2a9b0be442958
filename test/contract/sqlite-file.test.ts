import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assertSqliteVersion } from '../../src/adapters/sqlite/open-database.ts';
import { SCHEMA_VERSION } from '../../src/adapters/sqlite/schema.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/sqlite-store.ts';
import { StoreFileError } from '../../src/adapters/sqlite/store-file-error.ts';
import type { StoreFileErrorCode } from '../../src/adapters/sqlite/store-file-error.ts';
import { StoreUnavailableError } from '../../src/ports/run-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { createManualClock } from '../support/manual-clock.ts';
import type { ManualClock } from '../support/manual-clock.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { command, commit, event, request, runKey } from './fixture.ts';

const RUN = runKey('run-1');

let path: string;
let directory: string;
let clock: ManualClock;
const opened: { close(): unknown }[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'baton-file-'));
  path = join(directory, 'baton.sqlite');
  clock = createManualClock();
});

afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
  rmSync(directory, { recursive: true });
});

async function open(file = path): Promise<Store> {
  const ids = createSeededIds(7);
  const store = await openSqliteStore({ path: file, clock, ids, logger: silentLogger });
  opened.push(store);
  return store;
}

/** A connection of some other program. */
function connect(sql: string): DatabaseSync {
  const db = new DatabaseSync(path);
  opened.push(db);
  db.exec(sql);
  return db;
}

/** A closed database with one run. */
async function createDatabase(): Promise<void> {
  const store = await open();
  await commit(store, RUN, 0);
  await store.close();
}

function bytes(): Buffer[] {
  return [path, `${path}-wal`].filter((file) => existsSync(file)).map((file) => readFileSync(file));
}

async function expectRefusal(code: StoreFileErrorCode): Promise<void> {
  const before = bytes();
  const refusal = await open().catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(StoreFileError);
  expect(refusal).toMatchObject({ code, path });
  expect(bytes().map((content, at) => content.equals(before[at] ?? Buffer.alloc(0)))).toEqual(
    before.map(() => true),
  );
}

describe('opening a SQLite file', () => {
  it('creates it with its directory, for its owner only, and finds everything again', async () => {
    path = join(directory, 'a', 'b', 'baton.sqlite');
    const first = await open();
    await commit(first, RUN, 0);
    const { secret } = first;
    expect(statSync(path).mode & 0o077).toBe(0);
    expect(await first.describe()).toMatchObject({ kind: 'sqlite', location: path });
    await first.close();
    const second = await open();
    expect(second.secret).toBe(secret);
    expect(await second.load(RUN)).toEqual({ version: 1, tail: [event(1)] });
  });

  it('marks a new file at once, in the file itself', async () => {
    await open();
    const header = readFileSync(path);
    expect(header.toString('latin1', 68, 72)).toBe('Batn');
    expect(header.readInt32BE(60)).toBe(SCHEMA_VERSION);
  });

  it('takes an empty file and one in which nothing was created as new', async () => {
    writeFileSync(path, '');
    await createDatabase();
    rmSync(path);
    connect('PRAGMA journal_mode = WAL').close();
    opened.pop();
    expect(statSync(path).size).toBeGreaterThan(0);
    await createDatabase();
  });

  it('refuses a newer file and leaves it as it was', async () => {
    await createDatabase();
    connect('PRAGMA user_version = 99').close();
    opened.pop();
    await expectRefusal('newer');
  });

  it('refuses a newer file whose mark is still in the log, and leaves both as they were', async () => {
    await createDatabase();
    connect('PRAGMA user_version = 99');
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
    expect(readFileSync(path).readInt32BE(60)).toBe(SCHEMA_VERSION);
    await expectRefusal('newer');
  });

  it.each(['', 'PRAGMA journal_mode = WAL;'])('refuses a foreign database (%s)', async (mode) => {
    const db = connect(`${mode} CREATE TABLE t (x); INSERT INTO t VALUES (1)`);
    await expectRefusal('foreign');
    expect(db.prepare('SELECT x FROM t').get()).toEqual({ x: 1 });
  });

  it('refuses what is no database', async () => {
    writeFileSync(path, 'this is a shopping list\n'.repeat(500));
    await expectRefusal('corrupt');
    writeFileSync(path, 'short');
    await expectRefusal('corrupt');
  });

  it('refuses a truncated file', async () => {
    await createDatabase();
    writeFileSync(path, readFileSync(path).subarray(0, -4096));
    await expectRefusal('corrupt');
  });

  it('refuses a file whose schema is damaged', async () => {
    await createDatabase();
    const content = readFileSync(path);
    content.fill(0xa5, 100, 4096);
    writeFileSync(path, content);
    await expectRefusal('corrupt');
  });

  it('says when the path cannot be used', async () => {
    await expect(open(directory)).rejects.toMatchObject({ code: 'unreadable' });
    writeFileSync(path, '');
    await expect(open(join(path, 'below'))).rejects.toMatchObject({ code: 'unreadable' });
  });

  it('waits for a lock, and gives up after its time', async () => {
    const holder = connect('BEGIN EXCLUSIVE');
    const refused = expect(open()).rejects.toThrow(StoreUnavailableError);
    await clock.advance(5_100);
    await refused;
    const opening = open();
    await clock.advance(1_000);
    holder.exec('ROLLBACK');
    await clock.advance(100);
    await commit(await opening, RUN, 0);
  });

  it('refuses an SQLite that may corrupt a shared log', () => {
    for (const version of ['3.51.2', '3.9.9', '2.99.99'])
      expect(() => assertSqliteVersion(version)).toThrow(StoreUnavailableError);
    for (const version of ['3.51.3', '3.52.0', '4.0.0']) assertSqliteVersion(version);
  });
});

describe('a SQLite file in trouble', () => {
  it('answers unavailable while another process holds the lock, changes nothing, then goes on', async () => {
    const store = await open();
    await commit(store, RUN, 0);
    const holder = connect('BEGIN IMMEDIATE');
    const start = request(RUN, 1, { commands: [command({ id: 'locked' })] });
    const answers = Promise.all([
      store.commit(start),
      store.commit(request(runKey('run-2'), 0)),
      store.setValue('n', 'k', 1).catch((error: unknown) => error),
    ]);
    await clock.advance(5_100);
    const [first, second, third] = await answers;
    expect(first).toMatchObject({
      kind: 'storeUnavailable',
      reason: /locked; nothing was written in this try$/,
      isUnwritten: true,
    });
    expect(second).toMatchObject({ kind: 'storeUnavailable' });
    expect(third).toBeInstanceOf(StoreUnavailableError);
    expect(String(third)).toMatch(/nothing was written in this try$/);
    // Readers do not wait for writers.
    expect(await store.load(RUN)).toEqual({ version: 1, tail: [event(1)] });
    expect(await store.findCommand(RUN, 'locked')).toBeUndefined();
    holder.exec('ROLLBACK');
    expect((await store.commit(start)).kind).toBe('committed');
  });

  it('commits as soon as the lock is free, in the order asked', async () => {
    const store = await open();
    const holder = connect('BEGIN IMMEDIATE');
    const answers = Promise.all([0, 1, 2].map((version) => store.commit(request(RUN, version))));
    await clock.advance(1_000);
    holder.exec('ROLLBACK');
    await clock.advance(100);
    expect((await answers).map(({ kind }) => kind)).toEqual([
      'committed',
      'committed',
      'committed',
    ]);
  });

  it('answers unavailable for a run whose pages are damaged, and serves the others', async () => {
    const store = await open();
    await commit(store, RUN, 0, { events: [event(1, 'x'.repeat(100_000))] });
    await commit(store, runKey('run-2'), 0);
    await store.close();
    const content = readFileSync(path);
    // An overflow page of the long event: its pointer to the next page now leads nowhere.
    const inside = content.indexOf('x'.repeat(4_092), content.indexOf('x'.repeat(4_092)) + 4_092);
    const page = Math.floor(inside / 4_096) * 4_096;
    content.writeUInt32BE(0xfffffff0, page);
    writeFileSync(path, content);
    const damaged = await open();
    const failure = await damaged.load(RUN).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StoreUnavailableError);
    expect(String(failure)).toMatch(/damaged.*keep a copy of the file.*baton doctor/);
    expect((await damaged.load(runKey('run-2')))?.version).toBe(1);
    expect((await damaged.commit(request(runKey('run-3'), 0))).kind).toBe('committed');
  });

  it('rolls a whole group back when one of its statements fails, and works afterwards', async () => {
    const store = await open();
    const broken = connect('ALTER TABLE timers RENAME TO elsewhere');
    const timers = [{ timerId: 't', dueAtMs: 1 }];
    const answers = await Promise.all([
      store.commit(request(RUN, 0)),
      store.commit(request(runKey('run-2'), 0, { timers })),
    ]);
    expect(answers.map(({ kind }) => kind)).toEqual(['storeUnavailable', 'storeUnavailable']);
    // Only a transaction that never began is known, without a look, to have written nothing.
    expect(JSON.stringify(answers)).not.toContain('nothing was written');
    expect((await store.scanRuns(9)).keys).toEqual([]);
    broken.exec('ALTER TABLE elsewhere RENAME TO timers');
    expect((await store.commit(request(runKey('run-2'), 0, { timers }))).kind).toBe('committed');
  });

  it('never lets two commits of one run share a transaction', async () => {
    const store = await open();
    connect('ALTER TABLE timers RENAME TO elsewhere');
    const answers = await Promise.all([
      store.commit(request(RUN, 0)),
      store.commit(request(RUN, 1, { timers: [{ timerId: 't', dueAtMs: 1 }] })),
    ]);
    expect(answers.map(({ kind }) => kind)).toEqual(['committed', 'storeUnavailable']);
    expect((await store.load(RUN))?.version).toBe(1);
  });

  it('tells every listener of a change though one of them throws', async () => {
    const store = await open();
    const told: string[] = [];
    store.onChange(() => {
      throw new Error('a listener failed');
    });
    store.onChange(({ key }) => told.push(key?.runId ?? ''));
    await commit(store, RUN, 0);
    expect(told).toEqual(['run-1']);
  });
});
