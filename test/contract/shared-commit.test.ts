import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../src/adapters/memory/memory-store.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/sqlite-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { command, commit, request, runKey } from './fixture.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';

const endings: (() => Promise<void>)[] = [];

const OPENERS: readonly [string, () => Promise<Store>][] = [
  [
    'memory',
    async () => createMemoryStore({ clock: createManualClock(), ids: createSeededIds(1) }),
  ],
  ['SQLite', openSqlite],
];

async function openSqlite(): Promise<Store> {
  const directory = mkdtempSync(join(tmpdir(), 'baton-shared-commit-'));
  const store = await openSqliteStore({
    path: join(directory, 'baton.sqlite'),
    clock: createManualClock(),
    ids: createSeededIds(1),
    logger: silentLogger,
  });
  endings.push(async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  });
  return store;
}

afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

// SQLite takes another way for a commit that several commands share than for one of a single command.
describe.each(OPENERS)('a commit that several commands share on %s', (_, open) => {
  it.each([0, 1, 3])(
    'is refused whole when it expects version %i instead of 2',
    async (expected) => {
      const store = await open();
      const key = runKey('shared');
      await commit(store, key, 0);
      await commit(store, key, 1);
      const shared = request(key, expected, {
        commands: [command({ id: 'first' }), command({ id: 'second' })],
      });
      expect(await store.commit(shared)).toEqual({ kind: 'versionConflict', actualVersion: 2 });
      expect(await store.readHistory(key, 1, 10)).toHaveLength(2);
      expect(await store.findCommand(key, 'first')).toBeUndefined();
      expect(await store.findCommand(key, 'second')).toBeUndefined();
    },
  );
});
