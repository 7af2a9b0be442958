import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/domain/json.ts';
import {
  MAX_MESSAGE_BYTES,
  MAX_MESSAGE_ID_CHARS,
  MAX_PUBLISHED_MESSAGES,
} from '../../src/ports/message-bus.ts';
import type { NewBusMessage } from '../../src/ports/message-bus.ts';
import { messages, readAll } from './feed-reading.ts';
import type { UseFixture } from './fixture.ts';

export function publishingContract(use: UseFixture): void {
  describe('publishing', () => {
    it('publishes an id once for a topic of a tenant, also when many race and within a call', async () => {
      const { store, another } = use();
      const other = await another();
      const one = { id: 'order-1', topic: 'orders.new', body: 1 };
      const answers = await Promise.all(
        [store, other, store, other].map((each) => each.publish('acme', [one])),
      );
      expect(answers.filter(({ published }) => published === 1)).toHaveLength(1);
      expect(answers.filter(({ duplicates }) => duplicates === 1)).toHaveLength(3);
      const mixed = [one, { ...one, id: 'order-2' }, { ...one, id: 'order-2' }, ...messages(1)];
      expect(await store.publish('acme', mixed)).toEqual({ published: 2, duplicates: 2 });
      expect(await store.publish('other', [one])).toEqual({ published: 1, duplicates: 0 });
      expect(await store.publish('acme', [{ ...one, topic: 'orders.old' }])).toEqual({
        published: 1,
        duplicates: 0,
      });
      const { items } = await readAll(store);
      const ids = items.flatMap((item) => (item.kind === 'message' ? [item.id] : []));
      expect(ids.filter((id) => id.startsWith('order-')).sort()).toEqual([
        'order-1',
        'order-1',
        'order-2',
      ]);
    });

    it('gives back what was published, as it was', async () => {
      const { store } = use();
      const bodies: Json[] = [
        null,
        true,
        1.5,
        '',
        'line\nbreak " ü 𝄞 \u0000',
        [],
        {},
        { a: [{ b: null }] },
      ];
      await store.publish(
        'acme',
        bodies.map((body) => ({ topic: 'odd.things', body })),
      );
      await store.publish('ten\nant', [{ id: 'i\nd"', topic: 'odd.things', body: 'x' }]);
      const { items } = await readAll(store);
      expect(items.map((item) => (item.kind === 'message' ? item.body : undefined))).toEqual(
        bodies,
      );
      expect((await readAll(store, { tenant: 'ten\nant' })).items).toMatchObject([
        { id: 'i\nd"', topic: 'odd.things', body: 'x' },
      ]);
    });

    it('publishes nothing of a call above a limit', async () => {
      const { store } = use();
      const large = { topic: 'a.b', body: 'x'.repeat(MAX_MESSAGE_BYTES - 1) };
      const refused: NewBusMessage[][] = [
        messages(MAX_PUBLISHED_MESSAGES + 1),
        [...messages(1), large],
        [...messages(1), { ...large, body: 'ü'.repeat(MAX_MESSAGE_BYTES / 2) }],
        Array.from({ length: 65 }, () => ({ topic: 'a.b', body: 'x'.repeat(65_000) })),
        [...messages(1), { id: '', topic: 'a.b', body: 1 }],
        [{ id: 'x'.repeat(MAX_MESSAGE_ID_CHARS + 1), topic: 'a.b', body: 1 }],
      ];
      for (const each of refused)
        await expect(store.publish('acme', each)).rejects.toThrow(RangeError);
      expect((await readAll(store)).items).toEqual([]);
      const most = [{ topic: 'a.b', body: 'x'.repeat(MAX_MESSAGE_BYTES - 2) }];
      expect(await store.publish('acme', most)).toEqual({ published: 1, duplicates: 0 });
      expect(await store.publish('acme', [])).toEqual({ published: 0, duplicates: 0 });
      expect((await readAll(store)).items).toMatchObject(most);
    });

    it('wakes who waits in this process and in others', async () => {
      const { store, another } = use();
      const other = await another();
      const woken = [store, other].map(
        (each) => new Promise<void>((resolve) => void each.onChange(() => resolve())),
      );
      await store.publish('acme', messages(1));
      await Promise.all(woken);
    });
  });
}
