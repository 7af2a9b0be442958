import { describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../src/ports/run-store.ts';
import { commit, request, runKey } from './fixture.ts';
import type { UseFixture } from './fixture.ts';

function definition(name: string, document: string, tenant = 'acme') {
  return { tenant, name, document, hash: `hash of ${document}` };
}

export function catalogContract(use: UseFixture): void {
  describe('definitions', () => {
    it('are numbered per name, and the same content keeps its version', async () => {
      const { store, clock } = use();
      const one = await store.register({ ...definition('a', 'one'), description: 'first' });
      const two = await store.register(definition('a', 'two'));
      const again = await store.register(definition('a', 'one'));
      expect(one).toEqual({
        created: true,
        definition: {
          ...definition('a', 'one'),
          description: 'first',
          version: 1,
          registeredAtMs: clock.now(),
        },
      });
      expect(two).toMatchObject({ created: true, definition: { version: 2 } });
      expect(again).toEqual({ created: false, definition: one.definition });
      expect(await store.register(definition('b', 'one b'))).toMatchObject({
        definition: { version: 1 },
      });
    });

    it('are registered once when many race', async () => {
      const { store, another } = use();
      const other = await another();
      const results = await Promise.all(
        [store, other, store, other].map((each) => each.register(definition('a', 'one'))),
      );
      expect(results.filter(({ created }) => created)).toHaveLength(1);
      expect(new Set(results.map((each) => each.definition.version))).toEqual(new Set([1]));
    });

    it('are found by hash, by name and version, and listed newest by name', async () => {
      const { store } = use();
      for (const [name, document] of [
        ['b', '1'],
        ['a', '2'],
        ['a', '3'],
        ['c', '4'],
      ] as const)
        await store.register(definition(name, document));
      expect(await store.findByHash('acme', 'hash of 2')).toMatchObject({ name: 'a', version: 1 });
      expect(await store.findByHash('acme', 'none')).toBeUndefined();
      expect(await store.findByName('acme', 'a')).toMatchObject({ version: 2, document: '3' });
      expect(await store.findByName('acme', 'a', 1)).toMatchObject({ document: '2' });
      for (const version of [0, 3])
        expect(await store.findByName('acme', 'a', version)).toBeUndefined();
      const list = async (limit: number, after?: string) =>
        (await store.listDefinitions('acme', limit, after)).map(
          ({ name, version }) => `${name}${version}`,
        );
      expect(await list(9)).toEqual(['a2', 'b1', 'c1']);
      expect(await list(1, 'a')).toEqual(['b1']);
    });

    it('belong to their tenant', async () => {
      const { store } = use();
      await store.register(definition('a', 'one'));
      expect(await store.findByHash('other', 'hash of one')).toBeUndefined();
      expect(await store.findByName('other', 'a')).toBeUndefined();
      expect(await store.listDefinitions('other', 9)).toEqual([]);
      expect(await store.register(definition('a', 'one', 'other'))).toMatchObject({
        created: true,
        definition: { version: 1 },
      });
    });
  });

  describe('key and value', () => {
    it('are kept by namespace and listed by key', async () => {
      const { store } = use();
      await store.setValue('n', 'b', { x: [1] });
      await store.setValue('n', 'a', null);
      await store.setValue('m', 'c', 'text');
      expect((await store.getValue('n', 'b'))?.value).toEqual({ x: [1] });
      expect((await store.listValues('n')).map(({ key }) => key)).toEqual(['a', 'b']);
      expect(await store.getValue('n', 'c')).toBeUndefined();
      expect(await store.deleteValue('n', 'c')).toBe(false);
      expect(await store.deleteValue('m', 'c')).toBe(true);
      expect(await store.listValues('m')).toEqual([]);
    });

    it('expire at their time and can then be claimed anew', async () => {
      const { store, clock } = use();
      const first = await store.setValue('n', 'lock', 1, { ttlMs: 100 });
      await clock.advance(99);
      expect(await store.getValue('n', 'lock')).toMatchObject({ value: 1, revision: first });
      expect(await store.setValue('n', 'lock', 2, { expectedRevision: 0 })).toBeUndefined();
      await clock.advance(1);
      expect(await store.getValue('n', 'lock')).toBeUndefined();
      expect(await store.listValues('n')).toEqual([]);
      expect(await store.deleteValue('n', 'lock')).toBe(false);
      const second = await store.setValue('n', 'lock', 2, { expectedRevision: 0 });
      expect(second).toBeGreaterThan(first ?? Infinity);
      await clock.advance(1e9);
      expect((await store.getValue('n', 'lock'))?.value).toBe(2);
    });

    it('change only at the expected revision, also after they were deleted', async () => {
      const { store } = use();
      const first = (await store.setValue('n', 'k', 1, { expectedRevision: 0 })) ?? 0;
      const second = (await store.setValue('n', 'k', 2, { expectedRevision: first })) ?? 0;
      expect(second).toBeGreaterThan(first);
      expect(await store.setValue('n', 'k', 3, { expectedRevision: first })).toBeUndefined();
      expect(await store.deleteValue('n', 'k', first)).toBe(false);
      expect(await store.deleteValue('n', 'k', second)).toBe(true);
      await store.setValue('n', 'k', 4);
      for (const stale of [first, second])
        expect(await store.setValue('n', 'k', 5, { expectedRevision: stale })).toBeUndefined();
    });

    it('have a revision that grows with every write of any process', async () => {
      const { store, another } = use();
      const other = await another();
      const revisions: number[] = [];
      for (const each of [store, other, store, other])
        revisions.push((await each.setValue('n', 'k', 1)) ?? 0);
      expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
    });

    it('let one of many racing writers win', async () => {
      const { store, another } = use();
      const other = await another();
      const revisions = await Promise.all(
        [store, other, store, other].map((each, at) =>
          each.setValue('n', 'leader', at, { expectedRevision: 0 }),
        ),
      );
      expect(revisions.filter((revision) => revision !== undefined)).toHaveLength(1);
    });
  });

  describe('the store itself', () => {
    it('has one secret for all its processes and describes itself', async () => {
      const { store, another } = use();
      expect(store.secret).toMatch(/^[0-9a-f]{64,}$/);
      expect((await another()).secret).toBe(store.secret);
      const { durability, location } = await store.describe();
      expect(durability).not.toBe('');
      expect(location).not.toBe('');
    });

    it('finishes what was asked for before it closed, and refuses what comes later', async () => {
      const { store, another } = use();
      const other = await another();
      const pending = commit(other, runKey('run-1'), 0);
      await other.close();
      await pending;
      expect((await store.load(runKey('run-1')))?.version).toBe(1);
      expect((await other.commit(request(runKey('run-2'), 0))).kind).toBe('storeUnavailable');
      await expect(other.load(runKey('run-1'))).rejects.toThrow(StoreUnavailableError);
      await expect(other.setValue('n', 'k', 1)).rejects.toThrow(StoreUnavailableError);
      await expect(other.describe()).rejects.toThrow(StoreUnavailableError);
      await other.close();
    });
  });
}
