import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCockatielBreakers } from '../../src/adapters/cockatiel/cockatiel-breakers.ts';
import { createMemoryStore } from '../../src/adapters/memory/memory-store.ts';
import { guardStore, STORE_TARGET } from '../../src/composition/guarded-store.ts';
import {
  StoreRefusedError,
  StoreUnavailableError,
  type CommitRequest,
} from '../../src/ports/run-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { createManualClock, type ManualClock } from '../support/manual-clock.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';

const KEY = { tenant: 'default', runId: 'run1' };

/** A store that can be away, in which case each call waits for so long before it says so. */
class Bench {
  readonly clock: ManualClock = createManualClock();
  readonly calls: string[] = [];
  /** `undefined`: the store answers. */
  awayMs: number | undefined;
  readonly breakers = createCockatielBreakers({
    logger: silentLogger,
    clock: this.clock,
    elapsedMs: () => this.clock.now(),
    settingsOf: () => ({ failures: 1, pausesMs: [0, 50, 100, 250], maxProbeMs: 10_000 }),
  });
  readonly store: Store = guardStore(this.#unguarded(), {
    breakers: this.breakers,
    clock: this.clock,
    elapsedMs: () => this.clock.now(),
  });

  /** What the store was asked since the last look. */
  asked(): string[] {
    return this.calls.splice(0);
  }

  get isOpen(): boolean {
    return this.breakers.find(STORE_TARGET) !== undefined;
  }

  /** One call waits in vain; the probes after it too, should time pass. */
  async lose(awayMs = 2_500): Promise<void> {
    this.awayMs = awayMs;
    const lost = expect(this.store.load(KEY)).rejects.toThrow(StoreUnavailableError);
    await this.clock.advance(awayMs);
    await lost;
  }

  isAway(): boolean {
    return this.awayMs !== undefined;
  }

  #unguarded(): Store {
    const ids = createSeededIds(1);
    const before = async (operation: keyof Store) => {
      this.calls.push(operation);
      if (this.awayMs !== undefined) await this.clock.sleep(this.awayMs);
      return this.isAway() ? ('fail' as const) : ('proceed' as const);
    };
    return createMemoryStore({ clock: this.clock, ids, faults: { before } });
  }
}

function commit(expectedVersion: number): CommitRequest {
  const none = { enqueue: [], recall: [], timers: [], cancelTimers: [], messages: [] };
  const events = ['{"n":1}'];
  return { key: KEY, expectedVersion, commands: [{ id: 'c1', answer: null }], events, ...none };
}

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(async () => {
  const closed = bench.store.close();
  await bench.clock.advance(10_000);
  await closed;
});

describe('a store that is away', () => {
  it('costs one caller the wait; the others are refused at once, and nothing is sent', async () => {
    await bench.lose();
    expect(bench.isOpen).toBe(true);
    bench.asked();
    const beganAtMs = bench.clock.now();
    await expect(bench.store.listValues('x')).rejects.toThrow(StoreRefusedError);
    await expect(bench.store.listValues('x')).rejects.toThrow(/nothing was sent/);
    expect(await bench.store.commit(commit(0))).toMatchObject({
      kind: 'storeUnavailable',
      isUnsent: true,
    });
    expect(bench.asked().filter((name) => name !== 'getValue')).toEqual([]);
    expect(bench.clock.now()).toBe(beganAtMs);
  });

  it('answers a commit that was sent as it was, and counts it', async () => {
    bench.awayMs = 2_500;
    const answer = bench.store.commit(commit(0));
    await bench.clock.advance(2_500);
    const result = await answer;
    expect(result).toMatchObject({ kind: 'storeUnavailable' });
    expect(result).not.toHaveProperty('isUnsent');
    expect(bench.isOpen).toBe(true);
  });

  it('is probed at once and then at most 250 ms after each probe that failed', async () => {
    await bench.lose(1_000);
    bench.awayMs = 100;
    await bench.clock.advance(1_000);
    bench.asked();
    const gaps: number[] = [];
    let lastAtMs = bench.clock.now();
    for (let ms = 0; ms < 5_000; ms += 10) {
      await bench.clock.advance(10);
      if (bench.asked().length === 0) continue;
      gaps.push(bench.clock.now() - lastAtMs);
      lastAtMs = bench.clock.now();
    }
    expect(gaps.length).toBeGreaterThan(10);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(100 + 250 + 20);
  });

  it('serves again within a quarter of a second of its return', async () => {
    await bench.lose(1_000);
    bench.awayMs = 10;
    await bench.clock.advance(60_000);
    expect(bench.isOpen).toBe(true);
    bench.awayMs = undefined;
    await bench.clock.advance(261);
    expect(bench.isOpen).toBe(false);
    expect(await bench.store.commit(commit(0))).toMatchObject({ kind: 'committed' });
    // Nobody probes a store that answers.
    bench.asked();
    await bench.clock.advance(60_000);
    expect(bench.asked()).toEqual([]);
  });

  it('is still asked to renew leases: the moment it is back may be too late for another try', async () => {
    await bench.store.commit({
      ...commit(0),
      enqueue: [{ slot: 'a', attempt: 1, queue: 'q' }],
    });
    const request = { owner: 'w', queues: ['q'], limit: 1, leaseDurationMs: 10_000 };
    const [task] = (await bench.store.claimTasks(request)).work;
    if (task === undefined) throw new Error('nothing to claim');
    await bench.lose(1_000);
    expect(bench.isOpen).toBe(true);
    const renewal = bench.store.renew(task.lease, 10_000);
    bench.awayMs = undefined;
    await bench.clock.advance(1_000);
    expect(await renewal).toMatchObject({ kind: 'renewed' });
  });

  it('does not keep a process from its end', async () => {
    await bench.lose(1_000);
    bench.awayMs = 10;
    const closed = bench.store.close();
    await bench.clock.advance(1_000);
    await closed;
    expect(bench.clock.sleeping()).toBe(0);
  });
});

describe('a store that refuses quickly', () => {
  it('is asked every time: nobody waits for it', async () => {
    bench.awayMs = 0;
    for (let tries = 0; tries < 20; tries += 1) {
      const refused = expect(bench.store.load(KEY)).rejects.toThrow(StoreUnavailableError);
      await bench.clock.advance(0);
      await refused;
    }
    expect(bench.isOpen).toBe(false);
    expect(bench.asked()).toHaveLength(20);
  });
});

describe('a call that only waited long, and was answered', () => {
  it('says nothing against the store', async () => {
    bench.awayMs = 4_900;
    const answer = bench.store.load(KEY);
    await bench.clock.advance(4_000);
    bench.awayMs = undefined;
    await bench.clock.advance(900);
    expect(await answer).toBeUndefined();
    expect(bench.isOpen).toBe(false);
  });
});
