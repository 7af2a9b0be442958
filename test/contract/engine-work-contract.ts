import { describe, expect, it } from 'vitest';
import type { StoreChange } from '../../src/ports/change-feed.ts';
import {
  claimEngineWork,
  claimTask,
  command,
  commit,
  LEASE_MS,
  only,
  request,
  runKey,
  task,
} from './fixture.ts';
import type { UseFixture } from './fixture.ts';

const RUN = runKey('run-1');
const TARGET = runKey('run-2');

export function engineWorkContract(use: UseFixture): void {
  describe('timers', () => {
    it('fire never early, then once while leased, and end with their commit', async () => {
      const { store, clock, another } = use();
      const dueAtMs = clock.now() + 500;
      await commit(store, RUN, 0, { timers: [{ timerId: 't', dueAtMs }] });
      const ask = { owner: 'engine-1', limit: 5, leaseDurationMs: LEASE_MS };
      expect(await store.claimEngineWork(ask)).toEqual({ work: [], nextDueAtMs: dueAtMs });
      await clock.advance(499);
      expect(await claimEngineWork(store)).toEqual([]);
      await clock.advance(1);
      const timer = only(await claimEngineWork(store));
      expect(timer).toMatchObject({ kind: 'timer', timerId: 't', dueAtMs });
      expect(timer.lease).toMatchObject({ key: RUN, item: 'timer', id: 't', owner: 'engine-1' });
      expect(await (await another()).claimEngineWork(ask)).toEqual({
        work: [],
        nextDueAtMs: dueAtMs + LEASE_MS,
      });
      await commit(store, RUN, 1, { commands: [command({ acknowledge: timer.lease })] });
      await clock.advance(10 * LEASE_MS);
      expect(await store.claimEngineWork(ask)).toEqual({ work: [] });
    });

    it('do not drag along one that is due a millisecond later', async () => {
      const { store, clock } = use();
      const dueAtMs = clock.now();
      await commit(store, RUN, 0, {
        timers: [
          { timerId: 'later', dueAtMs: dueAtMs + 1 },
          { timerId: 'now', dueAtMs },
        ],
      });
      expect(only(await claimEngineWork(store))).toMatchObject({ timerId: 'now' });
      await clock.advance(1);
      expect(only(await claimEngineWork(store))).toMatchObject({ timerId: 'later' });
    });

    it('come again when the process that claimed them died, and the old lease is lost', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, { timers: [{ timerId: 't', dueAtMs: clock.now() }] });
      const first = only(await claimEngineWork(store));
      await clock.advance(LEASE_MS);
      const second = only(await claimEngineWork(store, 'engine-2'));
      const stale = request(RUN, 1, { commands: [command({ acknowledge: first.lease })] });
      expect((await store.commit(stale)).kind).toBe('leaseLost');
      await commit(store, RUN, 1, { commands: [command({ acknowledge: second.lease })] });
    });

    it('can be renewed and released like tasks', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, { timers: [{ timerId: 't', dueAtMs: clock.now() }] });
      const { lease } = only(await claimEngineWork(store));
      await clock.advance(LEASE_MS);
      expect(await store.renew(lease, LEASE_MS)).toMatchObject({
        kind: 'renewed',
        cancelRequested: false,
      });
      expect(await claimEngineWork(store, 'engine-2')).toEqual([]);
      await store.release(lease);
      expect(await claimEngineWork(store, 'engine-2')).toHaveLength(1);
    });

    it('are replaced by the same id and cancelled by it, leased or not', async () => {
      const { store, clock } = use();
      const nowMs = clock.now();
      await commit(store, RUN, 0, {
        timers: [
          { timerId: 'moved', dueAtMs: nowMs },
          { timerId: 'gone', dueAtMs: nowMs },
        ],
      });
      const leases = (await claimEngineWork(store)).map(({ lease }) => lease);
      await commit(store, RUN, 1, {
        timers: [{ timerId: 'moved', dueAtMs: nowMs + 50 }],
        cancelTimers: ['gone', 'unknown'],
      });
      for (const lease of leases)
        expect((await store.renew(lease, LEASE_MS)).kind).toBe('leaseLost');
      expect(await claimEngineWork(store)).toEqual([]);
      await clock.advance(50);
      expect(only(await claimEngineWork(store))).toMatchObject({
        timerId: 'moved',
        dueAtMs: nowMs + 50,
      });
    });

    it('are set after those of the same commit were cancelled', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, {
        timers: [{ timerId: 't', dueAtMs: clock.now() }],
        cancelTimers: ['t'],
      });
      expect(await claimEngineWork(store)).toHaveLength(1);
    });
  });

  describe('messages', () => {
    const message = { messageId: 'm', target: TARGET, body: { say: ['hello', 1] } };

    it('are delivered until a commit of the target acknowledges them', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, { messages: [message] });
      const first = only(await claimEngineWork(store));
      expect(first).toMatchObject({ kind: 'message', ...message });
      expect(first.lease.key).toEqual(RUN);
      await clock.advance(LEASE_MS);
      const second = only(await claimEngineWork(store, 'engine-2'));
      expect(second).toMatchObject({ kind: 'message', ...message });
      const delivery = { id: 'm', answer: null };
      const stale = request(TARGET, 0, { commands: [{ ...delivery, acknowledge: first.lease }] });
      expect((await store.commit(stale)).kind).toBe('leaseLost');
      expect(await store.load(TARGET)).toBeUndefined();
      await commit(store, TARGET, 0, { commands: [{ ...delivery, acknowledge: second.lease }] });
      expect((await store.openWork(RUN)).messages).toBe(0);
    });

    it('are discarded by their holder only', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, { messages: [message] });
      const first = only(await claimEngineWork(store));
      await clock.advance(LEASE_MS);
      const second = only(await claimEngineWork(store, 'engine-2'));
      await store.discard(first.lease);
      expect((await store.openWork(RUN)).messages).toBe(1);
      await store.discard(second.lease);
      await store.discard(second.lease);
      await clock.advance(LEASE_MS);
      expect(await claimEngineWork(store)).toEqual([]);
    });

    it('are posted once for one id', async () => {
      const { store } = use();
      await commit(store, RUN, 0, { messages: [message] });
      await commit(store, RUN, 1, { messages: [{ ...message, body: 'other' }] });
      expect(only(await claimEngineWork(store))).toMatchObject({ body: message.body });
    });
  });

  it('gives engine work of all kinds, oldest first, within the limit', async () => {
    const { store, clock } = use();
    await commit(store, RUN, 0, { messages: [{ messageId: 'm', target: TARGET, body: 1 }] });
    await clock.advance(10);
    await commit(store, RUN, 1, { timers: [{ timerId: 't', dueAtMs: clock.now() }] });
    await clock.advance(10);
    await commit(store, RUN, 2, { enqueue: [task('a')], recall: ['a'] });
    const ask = { owner: 'engine-1', limit: 2, leaseDurationMs: LEASE_MS };
    const first = await store.claimEngineWork(ask);
    expect(first.work.map(({ kind }) => kind)).toEqual(['message', 'timer']);
    expect(first.nextDueAtMs).toBe(clock.now());
    const rest = await store.claimEngineWork(ask);
    expect(rest.work.map(({ kind }) => kind)).toEqual(['recalled']);
    expect(rest.nextDueAtMs).toBe(clock.now() + LEASE_MS);
  });

  describe('the change feed', () => {
    it('names the run of own commits and whether they bring work', async () => {
      const { store } = use();
      const changes: StoreChange[] = [];
      const unsubscribe = store.onChange((change) => changes.push(change));
      await commit(store, RUN, 0);
      await commit(store, RUN, 1, { enqueue: [task('a')] });
      await store.commit(request(RUN, 99));
      const { lease } = await claimTask(store);
      await store.release(lease);
      unsubscribe();
      await commit(store, RUN, 2, { enqueue: [task('b')] });
      expect(changes).toEqual([
        { key: RUN, work: false },
        { key: RUN, work: true },
        { key: RUN, work: true },
      ]);
    });

    it('tells of what another process wrote, without a name', async () => {
      const { store, another } = use();
      const other = await another();
      const change = new Promise<StoreChange>((resolve) => {
        other.onChange(resolve);
      });
      await commit(store, RUN, 0, { enqueue: [task('a')] });
      expect(await change).toEqual({ work: true });
    });
  });
}
