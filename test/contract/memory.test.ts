import { describe, expect, it } from 'vitest';
import { MemoryDatabase } from '../../src/adapters/memory/memory-database.ts';
import { createMemoryStore } from '../../src/adapters/memory/memory-store.ts';
import { StoreUnavailableError } from '../../src/ports/run-store.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { command, FEED_ENTRIES, request, runKey } from './fixture.ts';
import { storeContract } from './store-contract.ts';

storeContract('memory store', async () => {
  const clock = createManualClock();
  const ids = createSeededIds(1);
  const database = new MemoryDatabase(ids, FEED_ENTRIES);
  const store = createMemoryStore({ database, clock, ids });
  return {
    store,
    clock,
    another: async () => createMemoryStore({ database, clock, ids }),
    close: () => store.close(),
  };
});

describe('memory store with faults', () => {
  it('applies nothing of a failed operation, and all of one whose reply is lost', async () => {
    const fates: ('proceed' | 'fail' | 'lose-reply')[] = ['fail', 'lose-reply', 'proceed'];
    const operations: string[] = [];
    const store = createMemoryStore({
      clock: createManualClock(),
      ids: createSeededIds(2),
      faults: {
        before: async (operation) => {
          operations.push(operation);
          return fates.shift() ?? 'fail';
        },
      },
    });
    const start = request(runKey('run-1'), 0, { commands: [command({ id: 'start', answer: 7 })] });
    expect((await store.commit(start)).kind).toBe('storeUnavailable');
    expect((await store.commit(start)).kind).toBe('storeUnavailable');
    expect(await store.commit(start)).toEqual({
      kind: 'duplicate',
      commandId: 'start',
      answer: 7,
    });
    await expect(store.load(runKey('run-1'))).rejects.toThrow(StoreUnavailableError);
    expect(operations).toEqual(['commit', 'commit', 'commit', 'load']);
  });
});
