import { describe, expect, it } from 'vitest';
import { MAX_HEARTBEAT_CHARS } from '../../src/ports/work-source.ts';
import {
  claimTask,
  claimTasks,
  command,
  commit,
  LEASE_MS,
  only,
  present,
  request,
  runKey,
  task,
} from './fixture.ts';
import type { UseFixture } from './fixture.ts';

const RUN = runKey('run-1');

export function taskContract(use: UseFixture): void {
  describe('claiming tasks', () => {
    it('gives the oldest of the asked queues first, each once', async () => {
      const { store, another } = use();
      await commit(store, RUN, 0, {
        enqueue: [task('c'), task('b', { queue: 'r' }), task('x', { queue: 'z' }), task('a')],
      });
      await commit(store, runKey('run-0'), 0, { enqueue: [task('d', { attempt: 3 })] });
      const first = await claimTasks(store, { queues: ['r', 'q'], limit: 3 });
      expect(first.map(({ slot }) => slot)).toEqual(['c', 'b', 'a']);
      const second = await claimTasks(await another(), { queues: ['r', 'q'], owner: 'worker-2' });
      expect(only(second)).toEqual({
        slot: 'd',
        attempt: 3,
        queue: 'q',
        delivery: 1,
        runVersion: 1,
        lease: {
          key: runKey('run-0'),
          item: 'task',
          id: 'd',
          owner: 'worker-2',
          fence: only(second).lease.fence,
          expiresAtMs: use().clock.now() + LEASE_MS,
        },
      });
      expect(await claimTasks(store, { queues: ['q', 'r'] })).toEqual([]);
    });

    it('never gives one task to two of many racing claims', async () => {
      const { store, another } = use();
      const slots = Array.from({ length: 50 }, (_, at) => `s${at}`);
      await commit(store, RUN, 0, { enqueue: slots.map((slot) => task(slot)) });
      const other = await another();
      const claims = await Promise.all(
        Array.from({ length: 20 }, (_, at) =>
          claimTasks(at % 2 === 0 ? store : other, { owner: `w${at}`, limit: 3 }),
        ),
      );
      const claimed = claims.flat().map(({ slot }) => slot);
      expect(claimed.sort()).toEqual(slots.sort());
    });

    it('tells when the next lease ends, and now when the limit left some', async () => {
      const { store, clock } = use();
      const ask = { owner: 'w', queues: ['q'], limit: 1, leaseDurationMs: LEASE_MS };
      expect(await store.claimTasks(ask)).toEqual({ work: [] });
      await commit(store, RUN, 0, { enqueue: [task('a'), task('b')] });
      expect((await store.claimTasks(ask)).nextDueAtMs).toBe(clock.now());
      const endsAtMs = clock.now() + LEASE_MS;
      await clock.advance(1_000);
      expect((await store.claimTasks(ask)).nextDueAtMs).toBe(endsAtMs);
      expect(await store.claimTasks(ask)).toEqual({ work: [], nextDueAtMs: endsAtMs });
    });
  });

  describe('a lease', () => {
    it('is redelivered after it ended, counted, and then lost for the first owner', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, { enqueue: [task('a')] });
      const first = await claimTask(store);
      await clock.advance(LEASE_MS - 1);
      expect(await claimTasks(store, { owner: 'worker-2' })).toEqual([]);
      await clock.advance(1);
      const second = await claimTask(store, 'worker-2');
      expect(second.delivery).toBe(2);
      expect(second.lease.fence).toBeGreaterThan(first.lease.fence);
      const stale = request(RUN, 1, { commands: [command({ id: 'c', acknowledge: first.lease })] });
      expect(await store.commit(stale)).toEqual({ kind: 'leaseLost', commandId: 'c' });
      expect(await store.renew(first.lease, LEASE_MS)).toEqual({ kind: 'leaseLost' });
      await store.release(first.lease);
      await store.discard(first.lease);
      await commit(store, RUN, 1, { commands: [command({ acknowledge: second.lease })] });
    });

    it('is left alone to its last millisecond while other work is claimed', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, { enqueue: [task('a')] });
      await claimTask(store);
      await commit(store, RUN, 1, { enqueue: [task('b')] });
      await clock.advance(LEASE_MS - 1);
      expect((await claimTask(store, 'worker-2')).slot).toBe('b');
    });

    it('is lost too when the same owner claimed the task again', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, { enqueue: [task('a')] });
      const first = await claimTask(store);
      await clock.advance(LEASE_MS);
      await claimTask(store);
      const stale = request(RUN, 1, { commands: [command({ acknowledge: first.lease })] });
      expect((await store.commit(stale)).kind).toBe('leaseLost');
    });

    it('is still held after it ended while nobody claimed the task', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, { enqueue: [task('a'), task('b')] });
      const [a, b] = await claimTasks(store);
      await clock.advance(5 * LEASE_MS);
      expect((await store.renew(present(a).lease, LEASE_MS)).kind).toBe('renewed');
      await commit(store, RUN, 1, { commands: [command({ acknowledge: present(b).lease })] });
      expect(await claimTasks(store)).toEqual([]);
    });

    it('is extended from now by a renewal', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, { enqueue: [task('a')] });
      const { lease } = await claimTask(store);
      await clock.advance(LEASE_MS / 2);
      const renewed = await store.renew(lease, LEASE_MS);
      const expiresAtMs = clock.now() + LEASE_MS;
      expect(renewed).toEqual({
        kind: 'renewed',
        lease: { ...lease, expiresAtMs },
        cancelRequested: false,
      });
      await clock.advance(LEASE_MS - 1);
      expect(await claimTasks(store)).toEqual([]);
      await clock.advance(1);
      expect((await claimTask(store)).delivery).toBe(2);
    });

    it('gives the task back at once and uncounted when released', async () => {
      const { store, another } = use();
      await commit(store, RUN, 0, { enqueue: [task('a'), task('b')] });
      const a = only(await claimTasks(store, { limit: 1 }));
      await store.release(a.lease);
      await store.release(a.lease);
      const again = await claimTasks(await another(), { owner: 'worker-2' });
      // Its place in line is kept.
      expect(again.map(({ slot, delivery }) => [slot, delivery])).toEqual([
        ['a', 1],
        ['b', 1],
      ]);
      expect((await store.renew(a.lease, 1)).kind).toBe('leaseLost');
    });

    it('does not fit a task that was made anew in the same slot', async () => {
      const { store } = use();
      await commit(store, RUN, 0, { enqueue: [task('a')] });
      const first = await claimTask(store);
      await commit(store, RUN, 1, {
        commands: [command({ acknowledge: first.lease })],
        enqueue: [task('a', { attempt: 2 })],
      });
      const second = await claimTask(store);
      expect(second).toMatchObject({ attempt: 2, delivery: 1 });
      expect((await store.renew(first.lease, LEASE_MS)).kind).toBe('leaseLost');
      await commit(store, RUN, 2, { enqueue: [task('a', { attempt: 3 })] });
      expect((await store.renew(second.lease, LEASE_MS)).kind).toBe('leaseLost');
      expect(await claimTask(store)).toMatchObject({ attempt: 3, delivery: 1 });
    });

    it('ended before others wait is not starved by them', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, { enqueue: [task('old')] });
      await claimTask(store);
      await commit(store, RUN, 1, { enqueue: ['a', 'b', 'c'].map((slot) => task(slot)) });
      await clock.advance(LEASE_MS);
      const claimed = await claimTasks(store, { limit: 2 });
      expect(claimed.map(({ slot }) => slot)).toEqual(['old', 'a']);
    });
  });

  describe('heartbeats', () => {
    it('hand their last payload to the next delivery, and end with the attempt', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, { enqueue: [task('a')] });
      const first = await claimTask(store);
      expect(first.heartbeat).toBeUndefined();
      await store.renew(first.lease, LEASE_MS, { done: 1 });
      await store.renew(first.lease, LEASE_MS, { done: 2 });
      await store.renew(first.lease, LEASE_MS);
      await clock.advance(LEASE_MS);
      const second = await claimTask(store, 'worker-2');
      expect(second.heartbeat).toEqual({ done: 2 });
      expect(only((await store.openWork(RUN)).tasks).heartbeat).toEqual({ done: 2 });
      const { leases } = await commit(store, RUN, 1, {
        commands: [command({ acknowledge: second.lease, continueWith: task('a', { attempt: 2 }) })],
      });
      await store.release(present(leases[0]));
      expect((await claimTask(store)).heartbeat).toBeUndefined();
    });

    it('are refused above their limit, and the lease stays', async () => {
      const { store } = use();
      await commit(store, RUN, 0, { enqueue: [task('a')] });
      const { lease } = await claimTask(store);
      const tooLong = 'x'.repeat(MAX_HEARTBEAT_CHARS - 1);
      await expect(store.renew(lease, LEASE_MS, tooLong)).rejects.toThrow(RangeError);
      const result = await store.renew(lease, LEASE_MS, tooLong.slice(1));
      expect(result.kind).toBe('renewed');
    });
  });

  describe('what is open', () => {
    it('shows tasks with their holders, timers and messages of one run', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, {
        enqueue: [task('a'), task('b', { attempt: 2, queue: 'r' })],
        timers: [
          { timerId: 'u', dueAtMs: clock.now() + 9 },
          { timerId: 't', dueAtMs: clock.now() + 5 },
        ],
        messages: [{ messageId: 'm', target: runKey('run-2'), body: null }],
      });
      await commit(store, runKey('run-2'), 0, { enqueue: [task('a')] });
      const claimedAtMs = clock.now();
      await claimTasks(store, { limit: 1 });
      await clock.advance(1);
      expect(await store.openWork(RUN)).toEqual({
        tasks: [
          {
            slot: 'a',
            attempt: 1,
            queue: 'q',
            deliveries: 1,
            recalled: false,
            lease: { owner: 'worker-1', expiresAtMs: claimedAtMs + LEASE_MS, claimedAtMs },
          },
          { slot: 'b', attempt: 2, queue: 'r', deliveries: 0, recalled: false },
        ],
        timers: [
          { timerId: 't', dueAtMs: claimedAtMs + 5 },
          { timerId: 'u', dueAtMs: claimedAtMs + 9 },
        ],
        messages: 1,
      });
      expect(await store.openWork(runKey('run-1', 'other'))).toEqual({
        tasks: [],
        timers: [],
        messages: 0,
      });
    });

    it('counts waiting and leased tasks by queue', async () => {
      const { store, clock } = use();
      const startMs = clock.now();
      expect(await store.queueDepths()).toEqual([]);
      await commit(store, RUN, 0, { enqueue: [task('a'), task('b'), task('c', { queue: 'r' })] });
      await clock.advance(5);
      await commit(store, RUN, 1, { enqueue: [task('d'), task('e')] });
      await commit(store, RUN, 2, { recall: ['e'] });
      await claimTasks(store, { limit: 1 });
      expect(await store.queueDepths()).toEqual([
        { queue: 'q', waiting: 2, leased: 1, oldestWaitingSinceMs: startMs },
        { queue: 'r', waiting: 1, leased: 0, oldestWaitingSinceMs: startMs },
      ]);
      await claimTasks(store, { limit: 9 });
      expect((await store.queueDepths())[0]).toEqual({ queue: 'q', waiting: 0, leased: 3 });
      await clock.advance(LEASE_MS);
      expect((await store.queueDepths())[0]).toMatchObject({ waiting: 3, leased: 0 });
    });
  });
}
