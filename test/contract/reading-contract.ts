import { describe, expect, it } from 'vitest';
import { InvalidCursorError } from '../../src/ports/run-store.ts';
import type { RunMark } from '../../src/ports/run-store.ts';
import {
  claimTask,
  claimTasks,
  command,
  commit,
  event,
  events,
  only,
  present,
  request,
  runKey,
  task,
} from './fixture.ts';
import type { UseFixture } from './fixture.ts';
import { indexed, listed } from './listing.ts';

const RUN = runKey('run-1');

export function readingContract(use: UseFixture): void {
  describe('loading a run', () => {
    it('gives all events until there is a snapshot, then snapshot and tail', async () => {
      const { store } = use();
      expect(await store.load(RUN)).toBeUndefined();
      await commit(store, RUN, 0, { events: events(1, 3) });
      expect(await store.load(RUN)).toEqual({ version: 3, tail: events(1, 3) });
      const snapshot = { version: 4, data: '{"state":4}' };
      await commit(store, RUN, 3, { events: events(4, 5), snapshot });
      await commit(store, RUN, 5, { events: events(6, 6) });
      expect(await store.load(RUN)).toEqual({ version: 6, snapshot, tail: events(5, 6) });
      const newer = { version: 7, data: '{"state":7}' };
      await commit(store, RUN, 6, { events: events(7, 7), snapshot: newer });
      expect(await store.load(RUN)).toEqual({ version: 7, snapshot: newer, tail: [] });
    });

    it('gives only the events after a version, from inside a commit too', async () => {
      const { store } = use();
      await commit(store, RUN, 0, { events: events(1, 3), snapshot: { version: 3, data: 's' } });
      await commit(store, RUN, 3, { events: events(4, 6) });
      for (let after = 0; after <= 6; after += 1)
        expect(await store.load(RUN, after)).toEqual({ version: 6, tail: events(after + 1, 6) });
    });

    it('gives all from the snapshot when the run is shorter than the version asked for', async () => {
      const { store } = use();
      const snapshot = { version: 1, data: 's' };
      await commit(store, RUN, 0, { events: events(1, 2), snapshot });
      expect(await store.load(RUN, 9)).toEqual({ version: 2, snapshot, tail: events(2, 2) });
    });
  });

  it('reads history gapless from any sequence, at most the limit', async () => {
    const { store } = use();
    await commit(store, RUN, 0, { events: events(1, 3) });
    for (let version = 3; version < 9; version += 2)
      await commit(store, RUN, version, { events: events(version + 1, version + 2) });
    for (let from = 1; from <= 10; from += 1)
      for (const limit of [0, 1, 3, 100])
        expect(await store.readHistory(RUN, from, limit)).toEqual(
          events(from, Math.min(9, from + limit - 1)),
        );
    expect(await store.readHistory(runKey('none'), 1, 5)).toEqual([]);
  });

  it('shares no memory with its callers', async () => {
    const { store } = use();
    const answer = { list: [1] };
    const written = [event(1)];
    const marks: RunMark[] = ['has_checkpoints'];
    const entry = { name: 'n', status: 's', startedAtMs: 1, marks };
    await commit(store, RUN, 0, {
      commands: [command({ id: 'c', answer })],
      events: written,
      index: entry,
    });
    answer.list.push(2);
    written.push('changed');
    entry.status = 'changed';
    marks.push('awaits_person');
    expect(await store.findCommand(RUN, 'c')).toEqual({ answer: { list: [1] } });
    expect(await store.readHistory(RUN, 1, 9)).toEqual([event(1)]);
    const listing = only((await store.listRuns({ tenant: 'acme', limit: 1 })).runs);
    expect(listing).toMatchObject({ status: 's', marks: ['has_checkpoints'] });
  });

  describe('listing runs', () => {
    it('gives the newest start first, page by page', async () => {
      const { store } = use();
      const starts = [5, 3, 5, 1, 4];
      for (const [at, startedAtMs] of starts.entries())
        await indexed(store, `run-${at}`, { startedAtMs });
      const whole = await listed(store, { limit: 10 });
      expect(whole.slice(2)).toEqual(['run-4', 'run-1', 'run-3']);
      expect([...whole.slice(0, 2)].sort()).toEqual(['run-0', 'run-2']);
      expect(await listed(store, { limit: 2 })).toEqual(whole);
      expect(await listed(store, { limit: 1, statuses: ['running', 'none'] })).toEqual(whole);
    });

    it('filters by status and name, and shows the newest entry', async () => {
      const { store } = use();
      await indexed(store, 'a', { name: 'x', startedAtMs: 1 });
      await indexed(store, 'b', { name: 'y', startedAtMs: 2 });
      await indexed(store, 'c', { name: 'x', startedAtMs: 3 });
      await commit(store, runKey('silent'), 0);
      const done = { name: 'x', status: 'done', startedAtMs: 3, finishedAtMs: 9, marks: [] };
      await commit(store, runKey('c'), 1, { index: done });
      expect(await listed(store, { limit: 9, name: 'x' })).toEqual(['c', 'a']);
      expect(await listed(store, { limit: 9, statuses: ['running'] })).toEqual(['b', 'a']);
      expect(await listed(store, { limit: 9, statuses: [] })).toEqual([]);
      expect(await listed(store, { limit: 9, statuses: ['running'], name: 'x' })).toEqual(['a']);
      expect(await listed(store, { limit: 1, statuses: ['running', 'done'] })).toEqual([
        'c',
        'b',
        'a',
      ]);
      const { runs } = await store.listRuns({ tenant: 'acme', limit: 9, statuses: ['done'] });
      expect(runs).toEqual([{ key: runKey('c'), ...done }]);
    });

    it('refuses a cursor that is none', async () => {
      const { store } = use();
      for (const cursor of ['', 'x y', '1', '1-2-3', "' OR 1"])
        await expect(store.listRuns({ tenant: 'acme', limit: 1, cursor })).rejects.toThrow(
          InvalidCursorError,
        );
      await expect(store.scanRuns(1, 'no cursor')).rejects.toThrow(InvalidCursorError);
    });
  });

  describe('maintenance', () => {
    it('scans every run of every tenant in pages', async () => {
      const { store } = use();
      const keys = ['a', 'b', 'c', 'd', 'e'].map((id, at) => runKey(id, `tenant-${at % 2}`));
      for (const key of keys) await commit(store, key, 0);
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.scanRuns(2, cursor);
        found.push(...page.keys.map(({ runId }) => runId));
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      expect(found.sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
    });

    it('replaces an index entry only at the version it was rebuilt from', async () => {
      const { store } = use();
      await indexed(store, 'run-1', { startedAtMs: 1 });
      const entry = { name: 'new', status: 'rebuilt', startedAtMs: 2, marks: [] };
      expect(await store.replaceIndex(RUN, 2, entry)).toBe(false);
      expect(await store.replaceIndex(runKey('none'), 1, entry)).toBe(false);
      expect(await store.replaceIndex(RUN, 1, entry)).toBe(true);
      const { runs } = await store.listRuns({ tenant: 'acme', limit: 9 });
      expect(runs).toEqual([{ key: RUN, ...entry }]);
    });

    it('purges what finished long ago and what is beyond the newest of its tenant', async () => {
      const { store } = use();
      for (const [at, finishedAtMs] of [100, 200, 300, 400].entries())
        await indexed(store, `run-${at}`, { startedAtMs: at, finishedAtMs });
      await indexed(store, 'running', { startedAtMs: 0 });
      await indexed(store, 'other', { startedAtMs: 0, finishedAtMs: 250 }, 'other');
      const rule = { finishedBeforeMs: 200, keepNewest: 2, limit: 1 };
      expect(await store.purgeFinished(rule)).toBe(1);
      expect(await store.purgeFinished({ ...rule, limit: 9 })).toBe(1);
      expect(await store.purgeFinished({ ...rule, limit: 9 })).toBe(0);
      expect(await listed(store, { limit: 9 })).toEqual(['run-3', 'run-2', 'running']);
      expect((await store.scanRuns(9)).keys).toHaveLength(4);
      expect(await store.purgeFinished({ ...rule, finishedBeforeMs: 1e9, limit: 9 })).toBe(3);
    });

    it('leaves nothing of a purged run, and its id is free again', async () => {
      const { store, clock } = use();
      await commit(store, RUN, 0, {
        commands: [command({ id: 'start' })],
        snapshot: { version: 1, data: 's' },
        enqueue: [task('a')],
        timers: [{ timerId: 't', dueAtMs: clock.now() }],
        index: { name: 'n', status: 'done', startedAtMs: 1, finishedAtMs: 2, marks: [] },
      });
      const { lease } = await claimTask(store);
      expect(await store.purgeFinished({ finishedBeforeMs: 3, keepNewest: 9, limit: 9 })).toBe(1);
      expect(await store.load(RUN)).toBeUndefined();
      expect(await store.findCommand(RUN, 'start')).toBeUndefined();
      expect(await store.readHistory(RUN, 1, 9)).toEqual([]);
      expect(await store.claimEngineWork({ owner: 'e', limit: 9, leaseDurationMs: 1 })).toEqual({
        work: [],
      });
      expect((await store.renew(lease, 1)).kind).toBe('leaseLost');
      expect(await store.queueDepths()).toEqual([]);
      const again = request(RUN, 0, { commands: [command({ id: 'start' })] });
      expect((await store.commit(again)).kind).toBe('committed');
      expect(await store.load(RUN)).toEqual({ version: 1, tail: events(1, 1) });
    });

    it('keeps a finished run until its messages are delivered', async () => {
      const { store } = use();
      await commit(store, RUN, 0, {
        messages: [{ messageId: 'm', target: runKey('parent'), body: 1 }],
        index: { name: 'n', status: 'done', startedAtMs: 1, finishedAtMs: 2, marks: [] },
      });
      const rule = { finishedBeforeMs: 9, keepNewest: 0, limit: 9 };
      expect(await store.purgeFinished(rule)).toBe(0);
      const { work } = await store.claimEngineWork({ owner: 'e', limit: 1, leaseDurationMs: 1 });
      await store.discard(present(work[0]).lease);
      expect(await store.purgeFinished(rule)).toBe(1);
    });
  });

  it('keeps tenants apart everywhere', async () => {
    const { store } = use();
    const mine = runKey('same', 'mine');
    const yours = runKey('same', 'yours');
    const index = { name: 'n', status: 'running', startedAtMs: 1, marks: [] };
    await commit(store, mine, 0, { events: events(1, 2), index, enqueue: [task('a')] });
    expect(await store.load(yours)).toBeUndefined();
    expect(await store.readHistory(yours, 1, 9)).toEqual([]);
    await commit(store, yours, 0, { enqueue: [task('a')] });
    expect((await store.load(mine))?.version).toBe(2);
    expect((await store.listRuns({ tenant: 'yours', limit: 9 })).runs).toEqual([]);
    const { lease } = only(await claimTasks(store, { limit: 1 }));
    expect(lease.key).toEqual(mine);
    const crossed = { ...lease, key: yours };
    expect((await store.renew(crossed, 1)).kind).toBe('leaseLost');
    const theft = request(yours, 1, { commands: [command({ acknowledge: crossed })] });
    expect((await store.commit(theft)).kind).toBe('leaseLost');
    expect((await store.openWork(yours)).tasks).toHaveLength(1);
  });
}
