import { describe, expect, it } from 'vitest';
import type { Priority } from '../../src/domain/priority.ts';
import type { NewTask } from '../../src/ports/run-store.ts';
import type { Store } from '../../src/ports/store.ts';
import {
  claimTask,
  claimTasks,
  command,
  commit,
  LEASE_MS,
  only,
  present,
  runKey,
  task,
} from './fixture.ts';
import type { UseFixture } from './fixture.ts';

const RUN = runKey('run-1');

function urgent(slot: string, priority: Priority, queue = 'q'): NewTask {
  return { ...task(slot, { queue }), priority };
}

/** One task at a time, as a worker with one free place asks: every claim decides anew. */
async function claimedSlots(store: Store, count: number, queues = ['q']): Promise<string[]> {
  const slots: string[] = [];
  for (let at = 0; at < count; at += 1)
    slots.push(only(await claimTasks(store, { queues, limit: 1 })).slot);
  return slots;
}

function numbered(prefix: string, count: number): NewTask[] {
  return Array.from({ length: count }, (_, at) => task(`${prefix}${at}`));
}

/** In runs of their own, so that in a store of several shards they stand in all of them. */
async function flood(store: Store, runs: number): Promise<void> {
  const keys = Array.from({ length: runs }, (_, at) => runKey(`flood-${at}`, 'loud'));
  await Promise.all(keys.map((key) => commit(store, key, 0, { enqueue: [task('a')] })));
}

/** Several shards see each other's rounds only from outside: less than half, but never little. */
async function leastTurns(store: Store, ofOne: number, ofSeveral: number): Promise<number> {
  const { details } = await store.describe();
  return Number(details['shards'] ?? 1) > 1 ? ofSeveral : ofOne;
}

async function claimedTenants(store: Store, count: number, limit: number): Promise<string[]> {
  const tenants: string[] = [];
  while (tenants.length < count) {
    const claimed = await claimTasks(store, { limit });
    if (claimed.length === 0) throw new Error(`only ${tenants.length} tasks were there`);
    tenants.push(...claimed.map(({ lease }) => lease.key.tenant));
  }
  return tenants;
}

export function priorityContract(use: UseFixture): void {
  describe('priorities', () => {
    it('are claimed from high to low, and within one first come, first served', async () => {
      const { store } = use();
      await commit(store, RUN, 0, {
        enqueue: [urgent('l1', 'low'), task('n1'), urgent('h1', 'high'), urgent('l2', 'low')],
      });
      await commit(store, runKey('run-2'), 0, {
        enqueue: [urgent('n2', 'normal'), urgent('h2', 'high'), urgent('l3', 'low'), task('n3')],
      });
      const order = ['h1', 'h2', 'n1', 'n2', 'n3', 'l1', 'l2', 'l3'];
      const together = (await claimTasks(store, { limit: 3 })).map(({ slot }) => slot);
      expect([...together, ...(await claimedSlots(store, 5))]).toEqual(order);
    });

    it('are seen by another process, and in a claim that comes later', async () => {
      const { store, another } = use();
      await commit(store, RUN, 0, { enqueue: [task('a'), task('b')] });
      const other = await another();
      expect(await claimedSlots(other, 1)).toEqual(['a']);
      await commit(other, runKey('run-2'), 0, { enqueue: [urgent('c', 'high')] });
      expect(await claimedSlots(store, 2)).toEqual(['c', 'b']);
    });

    it('hold over all queues of a claim', async () => {
      const { store } = use();
      await commit(store, RUN, 0, {
        enqueue: [
          urgent('r-low', 'low', 'r'),
          task('q1'),
          urgent('s-high', 'high', 's'),
          task('r1', { queue: 'r' }),
          task('q2'),
          urgent('r-high', 'high', 'r'),
        ],
      });
      await commit(store, runKey('run-2'), 0, { enqueue: [urgent('q-high', 'high')] });
      expect(await claimedSlots(store, 6, ['r', 'q'])).toEqual([
        'r-high',
        'q-high',
        'q1',
        'r1',
        'q2',
        'r-low',
      ]);
      expect(await claimedSlots(store, 1, ['s'])).toEqual(['s-high']);
    });

    it('leave no other task behind when the limit is reached', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, { enqueue: [urgent('h', 'high'), urgent('l', 'low')] });
      const ask = { owner: 'w', queues: ['q'], limit: 1, leaseDurationMs: LEASE_MS };
      expect((await store.claimTasks(ask)).nextDueAtMs).toBe(clock.now());
      expect(only((await store.claimTasks(ask)).work).slot).toBe('l');
    });

    it('and place are kept by what is released', async () => {
      const { store } = use();
      await commit(store, RUN, 0, {
        enqueue: [urgent('l1', 'low'), urgent('l2', 'low'), task('n1'), task('n2')],
      });
      const [n1, n2, l1] = await claimTasks(store, { limit: 3 });
      expect([n1?.slot, n2?.slot, l1?.slot]).toEqual(['n1', 'n2', 'l1']);
      await commit(store, RUN, 1, { enqueue: [task('n3')] });
      for (const one of [l1, n2, n1]) await store.release(present(one).lease);
      expect(await claimedSlots(store, 5)).toEqual(['n1', 'n2', 'n3', 'l1', 'l2']);
    });

    it('and place are kept by what its holder left behind', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, { enqueue: [urgent('l1', 'low'), urgent('h1', 'high')] });
      await claimTasks(store);
      await commit(store, RUN, 1, {
        enqueue: [urgent('l2', 'low'), task('n1'), urgent('h2', 'high')],
      });
      await clock.advance(LEASE_MS);
      expect(await claimedSlots(store, 5)).toEqual(['h1', 'h2', 'n1', 'l1', 'l2']);
    });

    it('of the next task count when a lease was handed on and came back', async () => {
      const { store } = use();
      await commit(store, RUN, 0, { enqueue: [task('a'), task('b'), urgent('c', 'high')] });
      const [c, a] = await claimTasks(store, { limit: 2 });
      const handOn = (from: typeof c, next: NewTask) =>
        command({ acknowledge: present(from).lease, continueWith: next });
      const { leases } = await commit(store, RUN, 1, {
        commands: [handOn(c, urgent('c2', 'low')), handOn(a, urgent('a2', 'high'))],
      });
      for (const lease of leases) await store.release(present(lease));
      expect(await claimedSlots(store, 3)).toEqual(['a2', 'b', 'c2']);
    });

    it('end with the task: what stands anew in its slot has its own', async () => {
      const { store } = use();
      await commit(store, RUN, 0, { enqueue: [urgent('a', 'high'), task('b')] });
      await commit(store, RUN, 1, { enqueue: [urgent('a', 'low')] });
      expect(await claimedSlots(store, 2)).toEqual(['b', 'a']);
      expect(await claimTasks(store)).toEqual([]);
    });

    it('do not hide for how long the oldest task waits', async () => {
      const { store, clock } = use();
      const startMs = clock.now();
      await commit(store, RUN, 0, { enqueue: [urgent('l', 'low')] });
      await clock.advance(5);
      await commit(store, RUN, 1, { enqueue: [task('n'), urgent('h', 'high')] });
      expect(await store.queueDepths()).toEqual([
        { queue: 'q', waiting: 3, leased: 0, oldestWaitingSinceMs: startMs },
      ]);
    });

    it('do not hide what was recalled', async () => {
      const { store } = use();
      await commit(store, RUN, 0, { enqueue: [urgent('a', 'low'), urgent('b', 'high')] });
      const b = only(await claimTasks(store, { limit: 1 }));
      await commit(store, RUN, 1, { recall: ['a', 'b'] });
      await store.release(b.lease);
      expect(await claimTasks(store)).toEqual([]);
      const { work } = await store.claimEngineWork({
        owner: 'engine',
        limit: 9,
        leaseDurationMs: LEASE_MS,
      });
      expect(work.map(({ lease }) => lease.id).sort()).toEqual(['a', 'b']);
    });
  });

  describe('tenants that share a queue', () => {
    it('do not wait for the flood of another: one task beside a thousand', async () => {
      const { store } = use();
      await flood(store, 1_000);
      expect(await claimedTenants(store, 5, 1)).toEqual(Array(5).fill('loud'));
      await commit(store, runKey('single', 'quiet'), 0, { enqueue: [task('only')] });
      const next = await claimedTenants(store, 8, 1);
      expect(next.filter((tenant) => tenant === 'quiet')).toHaveLength(1);
    });

    it('take turns while both have tasks, whoever came first', async () => {
      const { store } = use();
      await flood(store, 60);
      for (let at = 0; at < 20; at += 1)
        await commit(store, runKey(`run-${at}`, 'quiet'), 0, { enqueue: [task('a')] });
      const first = await claimedTenants(store, 40, 4);
      const quiet = first.filter((tenant) => tenant === 'quiet').length;
      expect(quiet).toBeGreaterThanOrEqual(await leastTurns(store, 17, 10));
      const rest = await claimedTenants(store, 40, 4);
      expect(rest.filter((tenant) => tenant === 'quiet')).toHaveLength(20 - quiet);
    });

    it('do not gain by asking for one task at a time', async () => {
      const { store } = use();
      await flood(store, 40);
      const claimed: string[] = [];
      for (let at = 0; at < 20; at += 1) {
        await commit(store, runKey(`run-${at}`, 'quiet'), 0, { enqueue: [task('x')] });
        claimed.push(...(await claimedTenants(store, 1, 1)));
      }
      const quiet = claimed.filter((tenant) => tenant === 'quiet').length;
      expect(quiet).toBeGreaterThanOrEqual(await leastTurns(store, 9, 5));
      expect(quiet).toBeLessThanOrEqual(11);
    });

    it('keep the order of their own tasks', async () => {
      const { store, another } = use();
      const other = await another();
      const [loud, quiet] = [runKey('run-l', 'loud'), runKey('run-q', 'quiet')];
      for (let at = 0; at < 6; at += 1) {
        const writer = at % 2 === 0 ? store : other;
        await commit(writer, loud, at, { enqueue: numbered(`a${at}-`, 3) });
        if (at % 3 === 0) await commit(writer, quiet, at / 3, { enqueue: numbered(`b${at}-`, 2) });
      }
      const claimed = await claimTasks(store, { limit: 30 });
      for (const [tenant, count] of [
        ['loud', 18],
        ['quiet', 4],
      ] as const) {
        const slots = claimed.filter(({ lease }) => lease.key.tenant === tenant);
        expect(slots).toHaveLength(count);
        expect(slots.map(({ slot }) => slot)).toEqual(slots.map(({ slot }) => slot).sort());
      }
    });

    it('cannot pass a higher priority of another', async () => {
      const { store } = use();
      await commit(store, runKey('flood', 'loud'), 0, {
        enqueue: numbered('a', 20).map((each) => ({ ...each, priority: 'high' })),
      });
      await commit(store, runKey('single', 'quiet'), 0, { enqueue: [task('only')] });
      expect(await claimedTenants(store, 20, 5)).toEqual(Array(20).fill('loud'));
      expect((await claimTask(store)).slot).toBe('only');
    });
  });
}
