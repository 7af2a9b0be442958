import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SELECT_FEED } from '../../src/adapters/sqlite/feed-table.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/sqlite-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { commit, event, events, runKey } from './fixture.ts';
import { createVersionOneFile } from './version-one-file.ts';

let directory: string;
let path: string;
const opened: Store[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'baton-feed-'));
  path = join(directory, 'baton.sqlite');
});

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  rmSync(directory, { recursive: true });
});

async function open(maxFeedEntries?: number): Promise<Store> {
  const [clock, ids] = [createManualClock(), createSeededIds(7)];
  const options = { path, clock, ids, logger: silentLogger };
  const store = await openSqliteStore({
    ...options,
    ...(maxFeedEntries !== undefined && { maxFeedEntries }),
  });
  opened.push(store);
  return store;
}

function count(table: string): unknown {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n;
  } finally {
    db.close();
  }
}

it('the feed of a file of the first version has what was committed then', async () => {
  createVersionOneFile(path);
  const store = await open();
  const { items } = await store.readFeed({ tenant: 'acme', limit: 100 });
  expect(items).toContainEqual(
    expect.objectContaining({ key: runKey('done'), sequence: 2, text: event(2) }),
  );
});

it('costs a commit no row of its own', async () => {
  const store = await open();
  await commit(store, runKey('run-1'), 0, { events: events(1, 3) });
  await commit(store, runKey('run-1'), 3);
  expect(count('history')).toBe(2);
  expect(count('bus_messages')).toBe(0);
});

it.each(Object.entries(SELECT_FEED))('reads %s in order without sorting', async (_, sql) => {
  await open();
  const db = new DatabaseSync(path, { readOnly: true });
  const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(0, 'acme', 10);
  db.close();
  const text = plan.map(({ detail }) => String(detail)).join('\n');
  expect(text).toMatch(/SEARCH (h|bus_messages) USING INTEGER PRIMARY KEY \(rowid>\?\)/);
  expect(text).not.toMatch(/SCAN|TEMP B-TREE/);
});

it('numbers go on after a purge of the newest, also when it is opened anew', async () => {
  const store = await open();
  const index = { name: 'n', status: 'done', startedAtMs: 1, finishedAtMs: 2, marks: [] };
  for (const run of ['a', 'b', 'c']) await commit(store, runKey(run), 0, { index });
  const end = await store.feedEnd();
  expect(await store.purgeFinished({ finishedBeforeMs: 3, keepNewest: 0, limit: 9 })).toBe(3);
  expect(await store.feedEnd()).toBe(end);
  await store.close();
  const again = await open();
  await commit(again, runKey('d'), 0);
  const page = await again.readFeed({ tenant: 'acme', after: end, limit: 9 });
  expect(page).toMatchObject({ items: [{ key: runKey('d') }], gap: false });
});

it('removes messages and ids beyond its bound, and never an event', async () => {
  const store = await open(50);
  const publish = (from: number): Promise<unknown> =>
    Promise.all(
      Array.from({ length: 64 }, (_, at) =>
        store.publish('acme', [{ id: `m-${from + at}`, topic: 'a.b', body: from + at }]),
      ),
    );
  await commit(store, runKey('run-1'), 0, { events: events(1, 3) });
  for (let round = 0; round < 4; round += 1) await publish(round * 64);
  for (const table of ['bus_messages', 'bus_ids']) expect(count(table)).toBe(50);
  expect(await store.readHistory(runKey('run-1'), 1, 9)).toHaveLength(3);
  // Its id is as free as the message is gone.
  expect(await store.publish('acme', [{ id: 'm-0', topic: 'a.b', body: 0 }])).toMatchObject({
    published: 1,
  });
});
