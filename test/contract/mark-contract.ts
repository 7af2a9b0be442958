import { describe, expect, it } from 'vitest';
import { RUN_MARKS } from '../../src/ports/run-store.ts';
import type { IndexEntry, RunMark } from '../../src/ports/run-store.ts';
import { command, commit, only, request, runKey } from './fixture.ts';
import type { UseFixture } from './fixture.ts';
import { indexed, listed } from './listing.ts';

const RUN = runKey('run-1');

function entry(marks: readonly RunMark[], changes: Partial<IndexEntry> = {}): IndexEntry {
  return { name: 'n', status: 'running', startedAtMs: 1, marks, ...changes };
}

export function markContract(use: UseFixture): void {
  describe('marks', () => {
    it('are listed in their order, whatever the order they came in', async () => {
      const { store } = use();
      await indexed(store, 'run-1', { marks: [...RUN_MARKS].reverse() });
      const listing = only((await store.listRuns({ tenant: 'acme', limit: 9 })).runs);
      expect(listing.marks).toEqual(['awaits_person', 'has_checkpoints']);
    });

    it('change with the entry, and a commit without an entry leaves them', async () => {
      const { store, another } = use();
      const other = await another();
      const waiting = () => listed(other, { limit: 9, mark: 'awaits_person' });
      const checkpointed = () => listed(other, { limit: 9, mark: 'has_checkpoints' });
      await commit(store, RUN, 0, { index: entry([]) });
      expect(await waiting()).toEqual([]);
      await commit(store, RUN, 1, { index: entry(['awaits_person']) });
      await commit(store, RUN, 2);
      expect(await waiting()).toEqual(['run-1']);
      await commit(store, RUN, 3, { index: entry(['has_checkpoints']) });
      expect([await waiting(), await checkpointed()]).toEqual([[], ['run-1']]);
      await commit(store, RUN, 4, { index: entry([]) });
      expect([await waiting(), await checkpointed()]).toEqual([[], []]);
    });

    it('stay as they were when the commit is refused', async () => {
      const { store } = use();
      const recorded = command({ id: 'recorded' });
      await commit(store, RUN, 0, { index: entry(['awaits_person']), commands: [recorded] });
      const index = entry(['has_checkpoints']);
      expect((await store.commit(request(RUN, 0, { index }))).kind).toBe('versionConflict');
      const again = request(RUN, 1, { index, commands: [recorded] });
      expect((await store.commit(again)).kind).toBe('duplicate');
      const { runs } = await store.listRuns({ tenant: 'acme', limit: 9 });
      expect(runs).toEqual([{ key: RUN, ...entry(['awaits_person']) }]);
    });

    it('are replaced with a rebuilt entry, only at its version', async () => {
      const { store } = use();
      await commit(store, RUN, 0, { index: entry(['awaits_person']) });
      const rebuilt = entry(['has_checkpoints']);
      expect(await store.replaceIndex(RUN, 2, rebuilt)).toBe(false);
      expect(await listed(store, { limit: 9, mark: 'awaits_person' })).toEqual(['run-1']);
      expect(await store.replaceIndex(RUN, 1, rebuilt)).toBe(true);
      expect(await listed(store, { limit: 9, mark: 'awaits_person' })).toEqual([]);
      const { runs } = await store.listRuns({ tenant: 'acme', limit: 9, mark: 'has_checkpoints' });
      expect(runs).toEqual([{ key: RUN, ...rebuilt }]);
    });

    it('filter together with status, name and tenant, page by page', async () => {
      const { store } = use();
      const waits: RunMark[] = ['awaits_person'];
      await indexed(store, 'a', { startedAtMs: 1, marks: waits, name: 'x' });
      await indexed(store, 'b', { startedAtMs: 2 });
      await indexed(store, 'c', { startedAtMs: 3, marks: RUN_MARKS, status: 'paused' });
      await indexed(store, 'd', { startedAtMs: 3, marks: waits, name: 'x', status: 'done' });
      await indexed(store, 'e', { startedAtMs: 4, marks: ['has_checkpoints'] });
      await indexed(store, 'f', { startedAtMs: 5, marks: waits }, 'other');
      await commit(store, runKey('silent'), 0);
      const mark = 'awaits_person';
      const whole = await listed(store, { limit: 9, mark });
      expect(whole.slice(2)).toEqual(['a']);
      expect(whole.slice(0, 2).sort()).toEqual(['c', 'd']);
      for (const limit of [1, 2]) expect(await listed(store, { limit, mark })).toEqual(whole);
      const find = (query: { statuses?: string[]; name?: string; tenant?: string }) =>
        listed(store, { limit: 1, mark, ...query });
      expect(await find({ statuses: ['paused', 'running', 'paused'] })).toEqual(['c', 'a']);
      expect(await find({ statuses: [] })).toEqual([]);
      expect(await find({ name: 'x' })).toEqual(['d', 'a']);
      expect(await find({ name: 'x', statuses: ['running'] })).toEqual(['a']);
      expect(await find({ name: 'y' })).toEqual([]);
      expect(await find({ tenant: 'other' })).toEqual(['f']);
      expect(await listed(store, { limit: 1, mark: 'has_checkpoints' })).toEqual(['e', 'c']);
    });

    it('go with a purged run', async () => {
      const { store } = use();
      const done = entry(['has_checkpoints'], { status: 'done', finishedAtMs: 2 });
      await commit(store, RUN, 0, { index: done });
      expect(await store.purgeFinished({ finishedBeforeMs: 3, keepNewest: 9, limit: 9 })).toBe(1);
      expect(await listed(store, { limit: 9, mark: 'has_checkpoints' })).toEqual([]);
      await commit(store, RUN, 0, { index: entry([]) });
      expect(await listed(store, { limit: 9, mark: 'has_checkpoints' })).toEqual([]);
    });
  });
}
