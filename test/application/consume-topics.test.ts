import { LOCAL_CALLER } from '../../src/application/access/access.ts';
import { describe, expect, it } from 'vitest';
import {
  createConsumeTopics,
  type ConsumeTopicsInput,
  type ConsumerCallbacks,
} from '../../src/application/bus/consume-topics.ts';
import { listConsumers } from '../../src/application/bus/consumer-records.ts';
import type { TopicMessage } from '../../src/application/bus/topic-reader.ts';
import { createInstallation, settled, TestProcess } from '../support/application.ts';
import type { ManualClock } from '../support/manual-clock.ts';

const LEASE_MS = 10_000;

function contextOf(signal?: AbortSignal) {
  return {
    ...LOCAL_CALLER,
    tenant: 'acme',
    actor: 'test',
    causationId: 'test',
    ...(signal && { signal }),
  };
}

interface Consuming {
  readonly got: TopicMessage[];
  readonly states: string[];
  readonly ended: ReturnType<ReturnType<typeof createConsumeTopics>>;
  /** Ends it in good order. */
  stop(): void;
}

/** What a process consumes, until it ends by itself or is stopped. */
function consume(
  process: TestProcess,
  input: Partial<ConsumeTopicsInput> = {},
  onPage?: ConsumerCallbacks['onPage'],
): Consuming {
  const got: TopicMessage[] = [];
  const states: string[] = [];
  const ending = new AbortController();
  const ended = createConsumeTopics(process)(
    contextOf(ending.signal),
    { consumer: 'mailer', topics: ['orders.*'], ...input },
    {
      onPage: async (page) => {
        got.push(...page.messages);
        await onPage?.(page);
      },
      onState: (state) => void states.push(state),
    },
  );
  // Whoever looks at it later.
  ended.catch(() => undefined);
  return { got, states, ended, stop: () => ending.abort() };
}

function publish(process: TestProcess, from: number, to: number): Promise<unknown> {
  const messages = Array.from({ length: to - from + 1 }, (_, at) => ({
    topic: 'orders.new',
    body: from + at,
  }));
  return process.store.publish('acme', messages);
}

function bodies({ got }: Consuming): unknown[] {
  return got.map(({ body }) => body);
}

/** A follower rests some milliseconds between two looks. */
async function until(clock: ManualClock, condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100 && !condition(); turn += 1) await clock.advance(10);
  expect(condition()).toBe(true);
}

function installed() {
  const installation = createInstallation();
  const start = (): TestProcess => new TestProcess(installation);
  return { clock: installation.clock, first: start(), second: start() };
}

describe('a durable consumer', () => {
  it('begins with the oldest message, and goes on after the last one it acknowledged', async () => {
    const { first, second } = installed();
    await publish(first, 1, 3);
    const run = consume(first);
    expect(await run.ended).toMatchObject({ ok: true, value: { delivered: 3 } });
    await publish(second, 4, 5);
    const next = consume(second);
    await next.ended;
    expect([bodies(run), bodies(next)]).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    const again = consume(second);
    expect(await again.ended).toMatchObject({ ok: true, value: { delivered: 0 } });
  });

  it('can begin now', async () => {
    const { first } = installed();
    await publish(first, 1, 3);
    expect(await consume(first, { after: 'now' }).ended).toMatchObject({ value: { delivered: 0 } });
    await publish(first, 4, 4);
    const next = consume(first, { after: 'oldest' });
    await next.ended;
    expect(bodies(next)).toEqual([4]);
  });

  it('is given again, under the same ids, what it handled and did not acknowledge', async () => {
    const { first, second } = installed();
    await publish(first, 1, 3);
    const crashed = consume(first, {}, () => Promise.reject(new Error('crash')));
    await expect(crashed.ended).rejects.toThrow('crash');
    const next = consume(second);
    await next.ended;
    expect(bodies(next)).toEqual([1, 2, 3]);
    // Handling once is up to who remembers the ids.
    const handled = new Map([...crashed.got, ...next.got].map(({ id, body }) => [id, body]));
    expect([...handled.values()]).toEqual([1, 2, 3]);
  });

  it('acknowledges exactly what a limit let through', async () => {
    const { first } = installed();
    await publish(first, 1, 5);
    const runs = [consume(first, { limit: 2 })];
    await runs[0]?.ended;
    runs.push(consume(first, { limit: 2 }));
    await runs[1]?.ended;
    runs.push(consume(first));
    await runs[2]?.ended;
    expect(runs.map(bodies)).toEqual([[1, 2], [3, 4], [5]]);
  });

  it('waits for messages and is woken by them', async () => {
    const { first, second, clock } = installed();
    const run = consume(first, { follow: true });
    await until(clock, () => run.states.includes('holding'));
    await publish(second, 1, 2);
    await until(clock, () => run.got.length === 2);
    await clock.advance(50);
    await publish(first, 3, 3);
    await until(clock, () => run.got.length === 3);
    run.stop();
    await settled(clock, run.ended);
  });

  it('is held by one process at a time', async () => {
    const { first, second, clock } = installed();
    const holder = consume(first, { follow: true });
    await until(clock, () => holder.states.includes('holding'));
    expect(await consume(second).ended).toMatchObject({
      ok: false,
      error: { code: 'consumer_busy', changed: 'nothing' },
    });
    // For as long as it lives, however long its lease.
    await clock.advance(LEASE_MS * 3);
    const waiting = consume(second, { follow: true });
    await until(clock, () => waiting.states.includes('waiting'));
    await publish(second, 1, 2);
    await until(clock, () => holder.got.length === 2);
    expect(waiting.got).toEqual([]);
    holder.stop();
    await settled(clock, holder.ended);
    await publish(second, 3, 3);
    await clock.advance(500);
    await until(clock, () => waiting.got.length === 1);
    expect(bodies(waiting)).toEqual([3]);
    waiting.stop();
    await settled(clock, waiting.ended);
  });

  it('is taken over when its process dies, with what that had not acknowledged', async () => {
    const { first, second, clock } = installed();
    const dead = consume(first, { follow: true }, () => new Promise<void>(() => undefined));
    await until(clock, () => dead.states.includes('holding'));
    await publish(second, 1, 2);
    await until(clock, () => dead.got.length === 2);
    // It renews no more.
    first.hold('setValue');
    const heir = consume(second, { follow: true });
    await clock.advance(LEASE_MS + 500);
    await until(clock, () => heir.got.length === 2);
    expect(heir.got.map(({ id }) => id)).toEqual(dead.got.map(({ id }) => id));
    heir.stop();
    await settled(clock, heir.ended);
  });

  it('moves no more for a holder that slept through its lease', async () => {
    const { first, second, clock } = installed();
    const gate = Promise.withResolvers<undefined>();
    const slow = consume(first, { follow: true }, () => gate.promise);
    await until(clock, () => slow.states.includes('holding'));
    await publish(second, 1, 3);
    await until(clock, () => slow.got.length === 3);
    const thaw = first.hold('setValue');
    await clock.advance(LEASE_MS);
    const working = Promise.withResolvers<undefined>();
    const heir = consume(second, { follow: true }, () => working.promise);
    await until(clock, () => heir.got.length === 3);
    thaw();
    gate.resolve(undefined);
    await until(clock, () => slow.states.includes('waiting'));
    expect(slow.states).toEqual(['holding', 'lost', 'waiting']);
    // Its acknowledgement was refused: the heir is not done yet.
    expect((await listConsumers(second.store, 'acme'))[0]?.cursor).toBe('');
    working.resolve(undefined);
    await publish(first, 4, 4);
    await until(clock, () => heir.got.length === 4);
    expect(bodies(slow)).toEqual([1, 2, 3]);
    slow.stop();
    heir.stop();
    await settled(clock, Promise.all([slow.ended, heir.ended]));
  });

  it.each(['fail', 'lose-reply'] as const)(
    'goes on by itself when the store is away for a while (%s)',
    async (fault) => {
      const { first, second, clock } = installed();
      const run = consume(first, { follow: true });
      await until(clock, () => run.states.includes('holding'));
      first.inject('readFeed', fault, 2);
      first.inject('setValue', fault, 2);
      await publish(second, 1, 3);
      for (let n = 0; n < 60 && new Set(bodies(run)).size < 3; n += 1) await clock.advance(500);
      expect(new Set(bodies(run))).toEqual(new Set([1, 2, 3]));
      await clock.advance(1_000);
      run.stop();
      await settled(clock, run.ended);
      const rest = consume(second);
      await settled(clock, rest.ended);
      expect(rest.got).toEqual([]);
    },
  );

  it('keeps its place near the end while nothing it wants is written', async () => {
    const { first, clock } = installed();
    const run = consume(first, { follow: true, topics: ['other.*'] });
    await until(clock, () => run.states.includes('holding'));
    const before = (await listConsumers(first.store, 'acme'))[0]?.cursor;
    for (let n = 0; n < 20; n += 1) {
      await publish(first, n, n);
      await clock.advance(1_000);
    }
    const cursor = (await listConsumers(first.store, 'acme'))[0]?.cursor ?? '';
    expect(cursor).not.toBe(before);
    expect(await first.store.countFeed(cursor, 100)).toBeLessThanOrEqual(6);
    run.stop();
    await settled(clock, run.ended);
  });

  it('is done with what it acknowledged though its lease could not be given back', async () => {
    const { first, second, clock } = installed();
    await publish(first, 1, 3);
    first.inject('deleteValue', 'fail');
    expect(await consume(first).ended).toMatchObject({ ok: true, value: { delivered: 3 } });
    expect(await consume(second).ended).toMatchObject({ error: { code: 'consumer_busy' } });
    await clock.advance(LEASE_MS);
    expect(await consume(second).ended).toMatchObject({ ok: true, value: { delivered: 0 } });
  });

  it('is refused with bad patterns, and changes nothing then', async () => {
    const { first } = installed();
    const refused = await consume(first, { topics: ['orders.>.x'] }).ended;
    expect(refused).toMatchObject({ ok: false, error: { code: 'invalid_topic' } });
    expect(await listConsumers(first.store, 'acme')).toEqual([]);
  });
});
