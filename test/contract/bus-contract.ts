import { describe, expect, it } from 'vitest';
import type { FeedItem, NewBusMessage } from '../../src/ports/message-bus.ts';
import { InvalidCursorError } from '../../src/ports/run-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { messages, read, readAll, shown } from './feed-reading.ts';
import { commit, event, events, FEED_ENTRIES, runKey } from './fixture.ts';
import type { UseFixture } from './fixture.ts';
import { publishingContract } from './publishing-contract.ts';

const RUN = runKey('run-1');

function ofRun(items: readonly FeedItem[], runId: string): number[] {
  return items.flatMap((item) =>
    item.kind === 'event' && item.key.runId === runId ? [item.sequence] : [],
  );
}

/** Entries of other tenants, which no store packs with ours, and the rounds of them that fill every part of a feed. */
const FILLERS = 49;
const ROUNDS = 40;

async function publishBeside(store: Store, message: NewBusMessage): Promise<void> {
  const others = Array.from({ length: FILLERS }, (_, at) => `filler-${at}`);
  await Promise.all(['acme', ...others].map((tenant) => store.publish(tenant, [message])));
}

// One suite of small tests.
export function busContract(use: UseFixture): void {
  describe('the feed', () => {
    it('has every committed event and every message once, and each process reads the same', async () => {
      const { store, another, clock } = use();
      await commit(store, RUN, 0, { events: events(1, 3) });
      expect(await store.publish('acme', messages(2))).toEqual({ published: 2, duplicates: 0 });
      await commit(store, RUN, 3);
      const { items, gaps } = await readAll(store);
      expect(gaps).toBe(0);
      expect(items.map(shown).sort()).toEqual([
        'orders.new {"n":1}',
        'orders.new {"n":2}',
        'run-1#1',
        'run-1#2',
        'run-1#3',
        'run-1#4',
      ]);
      expect(items.find((item) => item.kind === 'event')).toMatchObject({
        key: RUN,
        text: event(1),
      });
      expect(items.find((item) => item.kind === 'message')).toMatchObject({
        publishedAtMs: clock.now(),
      });
      expect((await readAll(await another())).items).toEqual(items);
      const ids = items.flatMap((item) => (item.kind === 'message' ? [item.id] : []));
      expect(new Set(ids).size).toBe(2);
    });

    it('keeps the order within a run and within a topic, whatever the size of the pages', async () => {
      const { store } = use();
      for (let at = 0; at < 6; at += 1) {
        for (const run of ['a', 'b', 'c'])
          await commit(store, runKey(run), at * 2, { events: events(at * 2 + 1, at * 2 + 2) });
        await store.publish('acme', messages(3, 'left', at * 3));
        await store.publish('acme', messages(3, 'right', at * 3));
      }
      const { items } = await readAll(store);
      for (const limit of [1, 2, 5, 7]) {
        const paged = await readAll(store, { limit });
        expect(paged.items.map(shown).sort()).toEqual(items.map(shown).sort());
        for (const run of ['a', 'b', 'c'])
          expect(ofRun(paged.items, run)).toEqual(Array.from({ length: 12 }, (_, at) => at + 1));
        for (const topic of ['left', 'right'])
          expect(paged.items.map(shown).filter((text) => text.startsWith(topic))).toEqual(
            Array.from({ length: 18 }, (_, n) => `${topic} {"n":${n}}`),
          );
      }
    });

    it('never gives more than the limit', async () => {
      const { store } = use();
      await store.publish('acme', messages(10));
      await commit(store, RUN, 0, { events: events(1, 10) });
      for (const limit of [1, 3, 8])
        expect((await read(store, { limit })).items.length).toBeLessThanOrEqual(limit);
    });

    it('goes on after the cursor of any item, in the middle of a commit or a publication too', async () => {
      const { store } = use();
      await commit(store, RUN, 0, { events: events(1, 4) });
      await store.publish('acme', messages(4));
      const { items } = await readAll(store);
      for (const [at, { cursor }] of items.entries()) {
        const rest = await readAll(store, { after: cursor });
        expect(rest.items.map(shown)).toEqual(items.slice(at + 1).map(shown));
        expect(rest.gaps).toBe(0);
      }
    });

    it('goes on after its end with what is written later, and only that', async () => {
      const { store, another } = use();
      const empty = await store.feedEnd();
      await store.publish('acme', messages(2));
      await commit(store, RUN, 0);
      const end = await store.feedEnd();
      expect((await readAll(store, { after: end })).items).toEqual([]);
      await commit(store, RUN, 1);
      await (await another()).publish('acme', messages(1, 'orders.late'));
      const { items, gaps } = await readAll(store, { after: end });
      expect(items.map(shown).sort()).toEqual(['orders.late {"n":1}', 'run-1#2']);
      expect(gaps).toBe(0);
      expect((await readAll(store, { after: empty })).items).toHaveLength(5);
    });

    it('is read without the other kind where only one is wanted', async () => {
      const { store } = use();
      await commit(store, RUN, 0, { events: events(1, 2) });
      await store.publish('acme', messages(2));
      await commit(store, RUN, 2);
      const only = await readAll(store, { only: 'message' });
      expect(only.items.map(shown)).toEqual(['orders.new {"n":1}', 'orders.new {"n":2}']);
      expect((await readAll(store, { only: 'event' })).items.map(shown)).toEqual([
        'run-1#1',
        'run-1#2',
        'run-1#3',
      ]);
      // The place moved past what was left out.
      expect((await readAll(store, { after: only.cursor })).items).toEqual([]);
    });

    it('shows a tenant its own only', async () => {
      const { store } = use();
      await commit(store, RUN, 0);
      await commit(store, runKey('run-1', 'other'), 0, { events: events(1, 2) });
      await store.publish('other', messages(2));
      await store.publish('acme', messages(1));
      expect((await readAll(store)).items.map(shown).sort()).toEqual([
        'orders.new {"n":1}',
        'run-1#1',
      ]);
      const other = await readAll(store, { tenant: 'other' });
      expect(other.items.filter(({ kind }) => kind === 'event')).toHaveLength(2);
      expect(other.items).toHaveLength(4);
      expect((await readAll(store, { tenant: 'none' })).items).toEqual([]);
    });

    it('leaves out events of a purged run, and the rest is still there', async () => {
      const { store } = use();
      const index = { name: 'n', status: 'done', startedAtMs: 1, finishedAtMs: 2, marks: [] };
      await commit(store, runKey('kept'), 0);
      await commit(store, RUN, 0, { index, events: events(1, 2) });
      const before = await readAll(store);
      expect(await store.purgeFinished({ finishedBeforeMs: 3, keepNewest: 9, limit: 9 })).toBe(1);
      expect((await readAll(store)).items.map(shown)).toEqual(['kept#1']);
      // What is written after a purge of the newest comes after the place of who read to the end.
      await commit(store, runKey('next'), 0);
      await store.publish('acme', messages(1));
      const { items, gaps } = await readAll(store, { after: before.cursor });
      expect(items.map(shown).sort()).toEqual(['next#1', 'orders.new {"n":1}']);
      expect(gaps).toBe(0);
    });

    it('says loudly that a reader fell behind what is kept, and goes on with the oldest that is', async () => {
      const { store } = use();
      const once = { id: 'once', topic: 'orders.new', body: 0 };
      await store.publish('acme', [once]);
      const slow = await readAll(store);
      for (let n = 0; n < ROUNDS; n += 1)
        await publishBeside(store, { topic: 'orders.new', body: { n } });
      const fast = await readAll(store);
      expect(fast.gaps).toBe(0);
      expect(fast.items.length).toBeLessThan(ROUNDS);
      expect(fast.items.length).toBeGreaterThanOrEqual(FEED_ENTRIES / (FILLERS + 1));
      expect(fast.items.at(-1)).toMatchObject({ body: { n: ROUNDS - 1 } });
      const caughtUp = await readAll(store, { after: slow.cursor });
      expect(caughtUp.gaps).toBe(1);
      expect(caughtUp.items.map(shown)).toEqual(fast.items.map(shown));
      expect((await read(store, { after: fast.cursor })).gap).toBe(false);
      // An id is remembered for as long as its message is kept.
      expect(await store.publish('acme', [once])).toEqual({ published: 1, duplicates: 0 });
    });

    it('does not leave a reader behind that reads nothing of what is written', async () => {
      const { store } = use();
      await store.publish('acme', messages(1));
      let { cursor } = await readAll(store, { only: 'event' });
      for (let round = 0; round < ROUNDS; round += 1) {
        await publishBeside(store, { topic: 'orders.new', body: round });
        const page = await readAll(store, { only: 'event', after: cursor });
        expect(page).toMatchObject({ items: [], gaps: 0 });
        ({ cursor } = page);
      }
    });

    it('refuses cursors that are none of its own', async () => {
      const { store } = use();
      for (const after of ['', 'x', 's.1', 'm.0-0.0-0.0-0.0-0.0-0', `${await store.feedEnd()}.1-1`])
        await expect(read(store, { after })).rejects.toThrow(InvalidCursorError);
      await expect(store.countFeed('x', 1)).rejects.toThrow(InvalidCursorError);
    });

    it('counts what a reader has before it, as far as it is asked to', async () => {
      const { store } = use();
      const start = await store.feedEnd();
      expect(await store.countFeed(start, 100)).toBe(0);
      expect(await store.feedStatus()).toEqual({ entries: 0 });
      for (let at = 0; at < 5; at += 1) await store.publish('acme', messages(1));
      await commit(store, RUN, 0, { events: events(1, 3) });
      expect(await store.countFeed(start, 100)).toBe(6);
      expect(await store.countFeed(start, 4)).toBe(4);
      expect(await store.countFeed(await store.feedEnd(), 100)).toBe(0);
      const { entries, oldestAtMs } = await store.feedStatus();
      expect(entries).toBe(6);
      expect(oldestAtMs).toBeGreaterThan(0);
    });
  });

  publishingContract(use);
}
