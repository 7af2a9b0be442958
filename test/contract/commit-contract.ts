import { describe, expect, it } from 'vitest';
import {
  claimTask,
  claimTasks,
  command,
  commit,
  event,
  events,
  LEASE_MS,
  only,
  request,
  runKey,
  task,
} from './fixture.ts';
import type { UseFixture } from './fixture.ts';

const RUN = runKey('run-1');

export function commitContract(use: UseFixture): void {
  describe('creating a run', () => {
    it('lets one of many racing creations with one key win, the others are duplicates', async () => {
      const { store, another } = use();
      const stores = [store, await another(), store];
      const results = await Promise.all(
        stores.map((each, at) =>
          each.commit(
            request(RUN, 0, { commands: [{ id: 'start', digest: 'same', answer: { at } }] }),
          ),
        ),
      );
      const kinds = results.map(({ kind }) => kind).sort();
      expect(kinds).toEqual(['committed', 'duplicate', 'duplicate']);
      const winner = results.findIndex(({ kind }) => kind === 'committed');
      for (const result of results)
        if (result.kind === 'duplicate') expect(result.answer).toEqual({ at: winner });
      expect(await store.readHistory(RUN, 1, 10)).toEqual([event(1)]);
    });

    it('refuses the key of an earlier command with another payload', async () => {
      const { store } = use();
      await commit(store, RUN, 0, { commands: [command({ id: 'start', digest: 'one' })] });
      const other = request(RUN, 0, { commands: [command({ id: 'start', digest: 'two' })] });
      expect(await store.commit(other)).toEqual({ kind: 'keyReused', commandId: 'start' });
      const none = request(RUN, 0, { commands: [command({ id: 'start' })] });
      expect(await store.commit(none)).toEqual({ kind: 'keyReused', commandId: 'start' });
    });

    it('answers a version conflict to another command that expects no run', async () => {
      const { store } = use();
      await commit(store, RUN, 0, { events: events(1, 3) });
      const result = await store.commit(request(RUN, 0));
      expect(result).toEqual({ kind: 'versionConflict', actualVersion: 3 });
    });

    it('throws for a run without an event and for an event of two lines', async () => {
      const { store } = use();
      await expect(store.commit(request(RUN, 0, { events: [] }))).rejects.toThrow('one event');
      await expect(store.commit(request(RUN, 0, { events: ['a\nb'] }))).rejects.toThrow('one line');
      expect(await store.load(RUN)).toBeUndefined();
    });
  });

  describe('versions', () => {
    it('counts events and refuses a stale or a future version', async () => {
      const { store } = use();
      expect((await commit(store, RUN, 0, { events: events(1, 2) })).version).toBe(2);
      expect((await commit(store, RUN, 2, { events: events(3, 5) })).version).toBe(5);
      for (const expected of [2, 4, 6]) {
        const result = await store.commit(request(RUN, expected));
        expect(result).toEqual({ kind: 'versionConflict', actualVersion: 5 });
      }
      expect(await store.readHistory(RUN, 1, 10)).toEqual(events(1, 5));
    });

    it('says version 0 for a run that does not exist', async () => {
      const result = await use().store.commit(request(RUN, 7));
      expect(result).toEqual({ kind: 'versionConflict', actualVersion: 0 });
    });

    it('lets one of many racing commits on one version win', async () => {
      const { store, another } = use();
      await commit(store, RUN, 0);
      const other = await another();
      const stores = [store, other, store, other, store];
      const results = await Promise.all(stores.map((each) => each.commit(request(RUN, 1))));
      expect(results.filter(({ kind }) => kind === 'committed')).toHaveLength(1);
      expect(results.filter(({ kind }) => kind === 'versionConflict')).toHaveLength(4);
      expect(await store.readHistory(RUN, 1, 10)).toEqual(events(1, 2));
    });

    it('takes a commit without events as an acknowledgement that keeps the version', async () => {
      const { store } = use();
      await commit(store, RUN, 0, { enqueue: [task('a')] });
      const { lease } = await claimTask(store);
      const result = await commit(store, RUN, 1, {
        events: [],
        commands: [command({ acknowledge: lease })],
      });
      expect(result.version).toBe(1);
      expect((await store.openWork(RUN)).tasks).toEqual([]);
    });
  });

  describe('duplicates', () => {
    it('answers a repetition with the first answer and applies nothing', async () => {
      const { store, another } = use();
      await commit(store, RUN, 0, { enqueue: [task('a')] });
      const { lease } = await claimTask(store);
      const repeated = request(RUN, 1, {
        commands: [{ id: 'complete', answer: { result: [1, null, 'ä'] }, acknowledge: lease }],
        enqueue: [task('b')],
      });
      expect((await store.commit(repeated)).kind).toBe('committed');
      // As after a lost reply: lease and version are gone, and yet it reads as recorded.
      for (const each of [store, await another()]) {
        const second = { ...repeated, commands: [{ ...only(repeated.commands), answer: 'other' }] };
        expect(await each.commit(second)).toEqual({
          kind: 'duplicate',
          commandId: 'complete',
          answer: { result: [1, null, 'ä'] },
        });
      }
      expect(await store.readHistory(RUN, 1, 10)).toHaveLength(2);
      expect(await claimTasks(store)).toHaveLength(1);
    });

    it('applies nothing of a request in which one of several commands was recorded', async () => {
      const { store } = use();
      const known = command();
      await commit(store, RUN, 0, { commands: [known] });
      const mixed = request(RUN, 1, { commands: [command({ id: 'fresh' }), known] });
      expect(await store.commit(mixed)).toMatchObject({
        kind: 'duplicate',
        commandId: known.id,
        answer: known.answer,
      });
      expect(await store.findCommand(RUN, 'fresh')).toBeUndefined();
      expect((await store.load(RUN))?.version).toBe(1);
    });

    it('finds what a recorded command was answered', async () => {
      const { store } = use();
      await commit(store, RUN, 0, {
        commands: [
          { id: 'a', digest: 'd', answer: { n: 1 } },
          { id: 'b', answer: null },
        ],
      });
      expect(await store.findCommand(RUN, 'a')).toEqual({ answer: { n: 1 }, digest: 'd' });
      expect(await store.findCommand(RUN, 'b')).toEqual({ answer: null });
      expect(await store.findCommand(RUN, 'c')).toBeUndefined();
      expect(await store.findCommand(runKey('other'), 'a')).toBeUndefined();
      expect(await store.findCommand(runKey('run-1', 'other'), 'a')).toBeUndefined();
    });

    it('throws when one request brings a command id twice', async () => {
      const twice = request(RUN, 0, { commands: [command({ id: 'x' }), command({ id: 'x' })] });
      await expect(use().store.commit(twice)).rejects.toThrow('twice');
    });
  });

  describe('the order of checks', () => {
    it('is duplicate, lease, version', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, { enqueue: [task('a')] });
      const { lease } = await claimTask(store);
      await clock.advance(LEASE_MS);
      await claimTask(store, 'worker-2');
      const known = command();
      await commit(store, RUN, 1, { commands: [known] });

      const stale = { acknowledge: lease };
      const all = request(RUN, 99, { commands: [{ ...known, ...stale }] });
      expect((await store.commit(all)).kind).toBe('duplicate');
      const leaseAndVersion = request(RUN, 99, { commands: [command({ id: 'c', ...stale })] });
      expect(await store.commit(leaseAndVersion)).toEqual({ kind: 'leaseLost', commandId: 'c' });
      const two = request(RUN, 99, { commands: [command(), command({ id: 'd', ...stale })] });
      expect(await store.commit(two)).toEqual({ kind: 'leaseLost', commandId: 'd' });
      expect((await store.commit(request(RUN, 99))).kind).toBe('versionConflict');
    });

    it('looks at leases before creating a run', async () => {
      const { store } = use();
      const lease = {
        key: RUN,
        item: 'task',
        id: 'a',
        owner: 'w',
        fence: 1,
        expiresAtMs: 1,
      } as const;
      const creation = request(RUN, 0, { commands: [command({ id: 'c', acknowledge: lease })] });
      expect(await store.commit(creation)).toEqual({ kind: 'leaseLost', commandId: 'c' });
      expect(await store.load(RUN)).toBeUndefined();
    });
  });

  describe('atomicity', () => {
    it('writes nothing at all when one of several leases is lost', async () => {
      const { store } = use();
      await commit(store, RUN, 0, {
        enqueue: [task('a'), task('b')],
        timers: [{ timerId: 't', dueAtMs: 5e12 }],
      });
      const [a, b] = await claimTasks(store);
      const before = await store.openWork(RUN);
      const result = await store.commit(
        request(RUN, 1, {
          commands: [
            command({ id: 'good', ...(a && { acknowledge: a.lease }) }),
            command({ id: 'bad', ...(b && { acknowledge: { ...b.lease, fence: 0 } }) }),
          ],
          snapshot: { version: 2, data: 'new' },
          enqueue: [task('c')],
          recall: ['a'],
          cancelTimers: ['t'],
          timers: [{ timerId: 'u', dueAtMs: 1 }],
          messages: [{ messageId: 'm', target: runKey('other'), body: 1 }],
          index: { name: 'n', status: 's', startedAtMs: 1, marks: ['awaits_person'] },
        }),
      );
      expect(result).toEqual({ kind: 'leaseLost', commandId: 'bad' });
      expect(await store.openWork(RUN)).toEqual(before);
      expect(await store.load(RUN)).toEqual({ version: 1, tail: events(1, 1) });
      expect(await store.findCommand(RUN, 'good')).toBeUndefined();
      expect((await store.listRuns({ tenant: 'acme', limit: 5 })).runs).toEqual([]);
    });

    it('commits many runs at once, each answered for itself', async () => {
      const { store } = use();
      const keys = Array.from({ length: 600 }, (_, at) => runKey(`run-${at}`));
      const results = await Promise.all(
        keys.map((key, at) => store.commit(request(key, at % 3 === 0 ? 5 : 0))),
      );
      for (const [at, result] of results.entries())
        expect(result.kind).toBe(at % 3 === 0 ? 'versionConflict' : 'committed');
      expect((await store.scanRuns(1_000)).keys).toHaveLength(400);
    });

    it('lets one of two commands that end the same lease in one request lose it', async () => {
      const { store } = use();
      await commit(store, RUN, 0, { enqueue: [task('a')] });
      const { lease } = await claimTask(store);
      const twice = request(RUN, 1, {
        commands: [command({ acknowledge: lease }), command({ id: 'again', acknowledge: lease })],
      });
      expect(await store.commit(twice)).toEqual({ kind: 'leaseLost', commandId: 'again' });
      expect((await store.openWork(RUN)).tasks).toHaveLength(1);
    });
  });

  it('keeps values of a mebibyte', async () => {
    const { store } = use();
    const large = 'ü'.repeat(2 ** 19);
    await commit(store, RUN, 0, {
      commands: [{ id: 'large', answer: { large } }],
      events: [event(1, large), event(2, large)],
      snapshot: { version: 1, data: large },
      messages: [{ messageId: 'm', target: RUN, body: { large } }],
    });
    expect(await store.findCommand(RUN, 'large')).toEqual({ answer: { large } });
    expect(await store.load(RUN)).toEqual({
      version: 2,
      snapshot: { version: 1, data: large },
      tail: [event(2, large)],
    });
    const { work } = await store.claimEngineWork({ owner: 'e', limit: 1, leaseDurationMs: 1 });
    expect(only(work)).toMatchObject({ kind: 'message', body: { large } });
  });
}
