import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../src/adapters/sqlite/sqlite-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { claimTasks, command, commit, only, runKey, task } from './fixture.ts';

let directory: string;
let path: string;
const opened: { close(): unknown }[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'baton-turns-'));
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

function read(sql: string, ...values: (string | number)[]): Record<string, unknown>[] {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return db.prepare(sql).all(...values);
  } finally {
    db.close();
  }
}

describe('turns in a SQLite file', () => {
  it('are remembered by the file: a tenant does not pass its own tasks after a restart', async () => {
    const store = await open();
    const slots = ['a', 'b', 'c'];
    await commit(store, runKey('r', 'loud'), 0, { enqueue: slots.map((slot) => task(slot)) });
    await store.close();
    const again = await open();
    await commit(again, runKey('r', 'loud'), 1, { enqueue: [task('d')] });
    const claimed = await claimTasks(again);
    expect(claimed.map(({ slot }) => slot)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('of a transaction that was rolled back are void', async () => {
    const store = await open();
    await commit(store, runKey('r', 'loud'), 0, { enqueue: [task('a'), task('b')] });
    const breaking = commit(store, runKey('r', 'quiet'), 0, {
      enqueue: [task('x')],
      // SQLite takes no such number: the whole transaction fails.
      timers: [{ timerId: 't', dueAtMs: 0.5 }],
    });
    await expect(breaking).rejects.toThrow('storeUnavailable');
    expect(read("SELECT * FROM turns WHERE tenant = 'quiet'")).toEqual([]);
    await commit(store, runKey('r', 'quiet'), 0, { enqueue: [task('y')] });
    const claimed = await claimTasks(store, { limit: 2 });
    expect(claimed.map(({ slot }) => slot).sort()).toEqual(['a', 'y']);
  });

  it('are forgotten with the last task of the queue, at the next purge', async () => {
    const store = await open();
    await commit(store, runKey('r'), 0, { enqueue: [task('a'), task('b', { queue: 'other' })] });
    const { lease } = only(await claimTasks(store));
    const purge = () => store.purgeFinished({ finishedBeforeMs: 0, keepNewest: 9, limit: 9 });
    await purge();
    expect(read('SELECT queue FROM turns ORDER BY queue')).toEqual([
      { queue: 'other' },
      { queue: 'q' },
    ]);
    await commit(store, runKey('r'), 1, { commands: [command({ acknowledge: lease })] });
    await purge();
    expect(read('SELECT queue FROM turns')).toEqual([{ queue: 'other' }]);
  });

  it('cost a claim nothing: it walks one index in its order', async () => {
    await open();
    const plan = read(
      `EXPLAIN QUERY PLAN SELECT t.place FROM tasks t INDEXED BY tasks_queue
       CROSS JOIN runs r ON r.id = t.run WHERE t.queue = ? AND t.recalled_at IS NULL
       AND t.claimable_at <= ? ORDER BY t.claimable_at, t.place LIMIT ?`,
      'q',
      1,
      1,
    ).map(({ detail }) => String(detail));
    expect(plan[0]).toMatch(/^SEARCH t USING INDEX tasks_queue/);
    expect(plan.join()).not.toContain('TEMP B-TREE');
  });
});
