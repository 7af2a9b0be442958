import { describe, expect, it } from 'vitest';
import {
  claimEngineWork,
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

export function handoverContract(use: UseFixture): void {
  describe('handing on', () => {
    it('ends the old lease and gives a new one on the next slot', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, { enqueue: [task('a')] });
      const a = await claimTask(store);
      await clock.advance(LEASE_MS / 2);
      const { leases } = await commit(store, RUN, 1, {
        commands: [command(), command({ acknowledge: a.lease, continueWith: task('b') })],
      });
      expect(leases[0]).toBeUndefined();
      const b = present(leases[1]);
      expect(b).toMatchObject({ key: RUN, item: 'task', id: 'b', owner: 'worker-1' });
      expect(b.expiresAtMs).toBe(clock.now() + LEASE_MS);
      expect(b.fence).toBeGreaterThan(a.lease.fence);
      expect((await store.renew(a.lease, LEASE_MS)).kind).toBe('leaseLost');
      expect((await store.renew({ ...b, fence: a.lease.fence }, 1)).kind).toBe('leaseLost');
      expect(await claimTasks(store, { owner: 'worker-2' })).toEqual([]);
      expect((await store.renew(b, LEASE_MS)).kind).toBe('renewed');
    });

    it('redelivers what the slot holds now', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, { enqueue: [task('a')] });
      const a = await claimTask(store);
      await commit(store, RUN, 1, {
        commands: [
          command({
            acknowledge: a.lease,
            continueWith: task('b', { attempt: 4, queue: 'other' }),
          }),
        ],
      });
      await clock.advance(LEASE_MS);
      expect(await claimTasks(store)).toEqual([]);
      const [b] = await claimTasks(store, { queues: ['other'], owner: 'worker-2' });
      expect(b).toMatchObject({ slot: 'b', attempt: 4, delivery: 2, runVersion: 2 });
    });

    it('replaces a task that stands in the next slot', async () => {
      const { store } = use();
      await commit(store, RUN, 0, { enqueue: [task('a'), task('b')] });
      const [a, b] = await claimTasks(store);
      await commit(store, RUN, 1, {
        commands: [
          command({ acknowledge: present(a).lease, continueWith: task('b', { attempt: 2 }) }),
        ],
      });
      expect((await store.renew(present(b).lease, LEASE_MS)).kind).toBe('leaseLost');
      expect(only((await store.openWork(RUN)).tasks)).toMatchObject({ slot: 'b', attempt: 2 });
    });

    it('needs an acknowledged task of the same run', async () => {
      const { store } = use();
      const alone = request(RUN, 0, { commands: [command({ continueWith: task('b') })] });
      await expect(store.commit(alone)).rejects.toThrow('continueWith');
    });
  });

  describe('recalling a task', () => {
    it('turns one that nobody holds into engine work at once', async () => {
      const { store } = use();
      await commit(store, RUN, 0, { enqueue: [task('a', { attempt: 2 })] });
      await commit(store, RUN, 1, { recall: ['a', 'unknown'] });
      expect(await claimTasks(store)).toEqual([]);
      const work = only(await claimEngineWork(store));
      expect(work).toMatchObject({ kind: 'recalled', slot: 'a', attempt: 2 });
      await commit(store, RUN, 2, { commands: [command({ acknowledge: work.lease })] });
      expect((await store.openWork(RUN)).tasks).toEqual([]);
    });

    it('asks the holder of a held one to stop, who may still commit', async () => {
      const { store } = use();
      await commit(store, RUN, 0, { enqueue: [task('a')] });
      const { lease } = await claimTask(store);
      await commit(store, RUN, 1, { recall: ['a'] });
      expect(await claimEngineWork(store)).toEqual([]);
      expect(await store.renew(lease, LEASE_MS)).toMatchObject({ cancelRequested: true });
      expect(only((await store.openWork(RUN)).tasks).recalled).toBe(true);
      await commit(store, RUN, 2, { commands: [command({ acknowledge: lease })] });
      expect(await claimEngineWork(store)).toEqual([]);
    });

    it('becomes engine work when the holder releases it or its lease ends', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, { enqueue: [task('a'), task('b')] });
      const [a, b] = await claimTasks(store);
      await commit(store, RUN, 1, { recall: ['a', 'b'] });
      await store.release(present(a).lease);
      expect(only(await claimEngineWork(store))).toMatchObject({ kind: 'recalled', slot: 'a' });
      expect(await claimTasks(store)).toEqual([]);
      await clock.advance(LEASE_MS);
      const slots = (await claimEngineWork(store, 'engine-2')).map(({ lease }) => lease.id);
      expect(slots.sort()).toEqual(['a', 'b']);
      expect((await store.renew(present(b).lease, LEASE_MS)).kind).toBe('leaseLost');
    });

    it('sees the tasks that the same commit enqueues, and is over when the slot is filled anew', async () => {
      const { store } = use();
      await commit(store, RUN, 0, { enqueue: [task('a')], recall: ['a'] });
      expect(await claimTasks(store)).toEqual([]);
      await commit(store, RUN, 1, { enqueue: [task('a', { attempt: 2 })] });
      expect(await claimEngineWork(store)).toEqual([]);
      expect(await claimTask(store)).toMatchObject({ attempt: 2 });
    });
  });
}
