import { describe, expect, it } from 'vitest';
import type { Store } from '../../src/ports/store.ts';
import {
  claimTask,
  claimTasks,
  command,
  commit,
  LEASE_MS,
  request,
  runKey,
  task,
  type UseFixture,
} from './fixture.ts';
import { readAll } from './feed-reading.ts';

const RUN = runKey('run-1');
/** The same id in another tenant. */
const NAMESAKE = runKey('run-1', 'other');
const STARTED = { name: 'flow', status: 'running', startedAtMs: 1, marks: [] } as const;

/** What the keys of one tenant lead to is never another's. */
export function tenantContract(use: UseFixture): void {
  describe('a run of one tenant', () => {
    it('is no run of another tenant, whoever knows its id', async () => {
      const { store } = use();
      const begun = command();
      const changes = { commands: [begun], enqueue: [task('a')], index: STARTED };
      await commit(store, RUN, 0, changes);
      const artifact = { mediaType: 'text/plain', content: new Uint8Array([1, 2, 3]) };
      const id = await store.putArtifact(RUN, artifact);
      expect(await store.getArtifact(RUN, id ?? '')).toBeDefined();
      expect(await store.load(NAMESAKE)).toBeUndefined();
      expect(await store.findCommand(NAMESAKE, begun.id)).toBeUndefined();
      expect(await store.readHistory(NAMESAKE, 1, 10)).toEqual([]);
      expect(await store.openWork(NAMESAKE)).toEqual({ tasks: [], timers: [], messages: 0 });
      expect(await store.getArtifact(NAMESAKE, id ?? '')).toBeUndefined();
      expect(await store.putArtifact(NAMESAKE, artifact)).toBeUndefined();
      expect(await store.replaceIndex(NAMESAKE, 1, { ...STARTED, status: 'failed' })).toBe(false);
      expect((await store.listRuns({ tenant: 'other', limit: 9 })).runs).toEqual([]);
    });

    it('stands beside its namesake: the same command ids, slots and versions', async () => {
      const { store } = use();
      const begun = command();
      for (const key of [RUN, NAMESAKE])
        await commit(store, key, 0, { commands: [begun], enqueue: [task('a')], index: STARTED });
      await commit(store, NAMESAKE, 1, { recall: ['a'] });
      expect((await store.load(RUN))?.version).toBe(1);
      expect((await store.load(NAMESAKE))?.version).toBe(2);
      const isRecalled = async (key: typeof RUN): Promise<boolean[]> =>
        (await store.openWork(key)).tasks.map(({ recalled }) => recalled);
      expect([await isRecalled(RUN), await isRecalled(NAMESAKE)]).toEqual([[false], [true]]);
    });
  });

  describe('a lease of one tenant', () => {
    it('is worth nothing under the name of another', async () => {
      const { store } = use();
      await commit(store, RUN, 0, { enqueue: [task('a')] });
      const { lease } = await claimTask(store);
      await commit(store, NAMESAKE, 0);
      const forged = { ...lease, key: NAMESAKE };
      expect(await store.renew(forged, LEASE_MS)).toEqual({ kind: 'leaseLost' });
      await store.release(forged);
      await store.discard(forged);
      const acknowledge = { commands: [command({ acknowledge: forged })] };
      const refused = await store.commit(request(NAMESAKE, 1, acknowledge));
      expect(refused.kind).toBe('leaseLost');
      expect((await store.renew(lease, LEASE_MS)).kind).toBe('renewed');
    });
  });

  describe('a place that one tenant was given', () => {
    it('in a list leads another to its own runs only', async () => {
      const { store } = use();
      for (const [at, tenant] of ['acme', 'other', 'acme', 'other', 'acme'].entries())
        await commit(store, runKey(`run-${at}`, tenant), 0, {
          index: { ...STARTED, startedAtMs: 10 + at },
        });
      const first = await store.listRuns({ tenant: 'acme', limit: 1 });
      const { nextCursor: cursor = '' } = first;
      const { runs } = await store.listRuns({ tenant: 'other', limit: 9, cursor });
      expect(runs.map(({ key }) => key)).toEqual([
        runKey('run-3', 'other'),
        runKey('run-1', 'other'),
      ]);
    });

    it('in the feed leads another to its own items only', async () => {
      const { store } = use();
      await commit(store, RUN, 0);
      const { cursor } = await store.readFeed({ tenant: 'acme', limit: 1 });
      await commit(store, runKey('run-2'), 0);
      await commit(store, NAMESAKE, 0);
      await store.publish('acme', [{ topic: 't', body: 1 }]);
      const { items } = await readAll(store, { tenant: 'other', after: cursor });
      expect(items).toMatchObject([{ kind: 'event', key: NAMESAKE }]);
    });
  });

  describe('queues that differ in the tenant only', () => {
    it('are different queues', async () => {
      const { store } = use();
      const queues = ['agent:q', 'agent:a/q', 'agent:a-b/q', 'agent@a/q'];
      for (const [at, queue] of queues.entries())
        await commit(store, runKey(`run-${at}`), 0, { enqueue: [task('s', { queue })] });
      for (const queue of queues) expect(await depthOf(store, queue)).toBe(1);
      for (const [at, queue] of queues.entries()) {
        const claimed = await claimTasks(store, { queues: [queue] });
        expect(claimed.map(({ lease }) => lease.key)).toEqual([runKey(`run-${at}`)]);
      }
    });
  });
}

async function depthOf(store: Store, queue: string): Promise<number | undefined> {
  return (await store.queueDepths()).find((depth) => depth.queue === queue)?.waiting;
}
