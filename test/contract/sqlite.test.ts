import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '../../src/adapters/sqlite/sqlite-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { FEED_ENTRIES } from './fixture.ts';
import { storeContract } from './store-contract.ts';

storeContract('SQLite store', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'baton-sqlite-'));
  const clock = createManualClock();
  const ids = createSeededIds(1);
  const stores: Store[] = [];
  const open = async (): Promise<Store> => {
    const path = join(directory, 'store', 'baton.sqlite');
    const maxFeedEntries = FEED_ENTRIES;
    const store = await openSqliteStore({
      path,
      clock,
      ids,
      logger: silentLogger,
      maxFeedEntries,
    });
    stores.push(store);
    return store;
  };
  return {
    store: await open(),
    clock,
    another: open,
    close: async () => {
      await Promise.all(stores.map((store) => store.close()));
      rmSync(directory, { recursive: true });
    },
  };
});
