import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LOCAL_CALLER } from '../../../src/application/access/access.ts';
import { GREET, RELEASE } from '../../application/definitions.ts';
import { createWorkbench, type Workbench } from '../../application/workbench.ts';
import { openEvents, type EventClient } from './event-client.ts';
import { createRig } from './rig.ts';

const SEED = 20_261_122;

function publish({ application, context }: Workbench, count: number, from = 0): Promise<unknown[]> {
  const publishing = Array.from({ length: count }, (_, at) => {
    const message = { topic: 'orders.new', body: { order: from + at }, id: `order-${from + at}` };
    return application.publishMessage(context, message);
  });
  return Promise.all(publishing);
}

const topicsOf = ({ received }: EventClient): unknown[] =>
  received.map(({ data }) => (data as { topic: unknown }).topic);
const typesOf = (client: EventClient): unknown[] =>
  topicsOf(client).map((topic) => String(topic).split('.')[2]);

describe('GET /events', () => {
  it('streams what happens from now on, with a retry hint and a place at once', async () => {
    const { app, bench } = createRig();
    await bench.register(GREET);
    await bench.start('greet', { who: 'before' });
    const client = await openEvents(app);
    expect(client.response.status).toBe(200);
    expect(client.response.headers.get('content-type')).toBe('text/event-stream');
    await client.read();
    expect(client.blocks).toEqual(['retry: 2000', expect.stringMatching(/^id: m\./)]);
    const id = await bench.start('greet', { who: 'now' });
    await client.readUntil(() => client.received.length === 3);
    expect(typesOf(client)).toEqual(['workflow_started', 'step_completed', 'workflow_completed']);
    expect(client.received[0]).toMatchObject({
      event: 'message',
      data: {
        id: `${id}#1`,
        topic: `runs.${id}.workflow_started`,
        at: '2023-11-14T22:13:20.000Z',
        body: { run_id: id, sequence: 1, body: { type: 'WorkflowStarted' } },
      },
    });
    await client.cut();
  });

  it('narrows by run, by type and by topic, and widens within each', async () => {
    const { app, bench } = createRig();
    await bench.register(GREET);
    await bench.register(RELEASE);
    const greet = await bench.start('greet', { who: 'you' });
    const release = await bench.start('release');
    await publish(bench, 1);
    const seen = async (query: string): Promise<unknown[]> => {
      const client = await openEvents(app, `?after=oldest&${query}`);
      await client.read();
      await client.read();
      await client.cut();
      return topicsOf(client);
    };
    const of = (run: string, ...types: string[]): string[] =>
      types.map((type) => `runs.${run}.${type}`);
    expect(await seen(`run=${release}`)).toEqual(
      of(release, 'workflow_started', 'steps_scheduled'),
    );
    expect(await seen(`run=${greet}&type=StepCompleted&type=workflow_completed`)).toEqual(
      of(greet, 'step_completed', 'workflow_completed'),
    );
    expect(await seen('type=workflow_started')).toEqual([
      ...of(greet, 'workflow_started'),
      ...of(release, 'workflow_started'),
    ]);
    expect(await seen('topic=orders.>')).toEqual(['orders.new']);
    expect(await seen(`topic=orders.>&run=${greet}`)).toEqual([]);
    expect(await seen(`topic=runs.>&topic=orders.new&run=${release}&type=StepsScheduled`)).toEqual(
      of(release, 'steps_scheduled'),
    );
  });

  it('goes on after Last-Event-ID, whatever the address says', async () => {
    const { app, bench } = createRig();
    await publish(bench, 3);
    const first = await openEvents(app, '?after=oldest');
    await first.readUntil(() => first.received.length === 3);
    await first.cut();
    const place = first.received[1]?.id ?? '';
    const again = await openEvents(app, '?after=oldest', { 'last-event-id': place });
    await again.readUntil(() => again.received.length === 1);
    expect(again.received).toEqual([first.received[2]]);
    await again.cut();
  });

  it('moves the place on past what the reader does not want', async () => {
    const { app, bench } = createRig();
    const client = await openEvents(app, '?topic=nothing.here');
    await client.read();
    const before = client.lastEventId;
    await publish(bench, 5);
    const told = client.read();
    await bench.outlast(6_000);
    await told;
    expect(client.received).toEqual([]);
    expect(client.lastEventId).not.toBe(before);
    await client.cut();
  });

  it('does not tell when other tenants act: their places come by a beat of its own', async () => {
    const bench = createWorkbench();
    const { app } = createRig({ bench, caller: { ...LOCAL_CALLER, tenant: 'other' } });
    const client = await openEvents(app);
    await client.read();
    const beganMs = bench.clock.now();
    const toldMs: number[] = [];
    const reading = (async () => {
      while (await client.read()) toldMs.push(bench.clock.now() - beganMs);
    })();
    // Three times within one beat, at moments that the beat does not follow.
    for (const pauseMs of [1_234, 777, 1_500, 3_000, 4_500]) {
      await publish(bench, 1, pauseMs);
      await bench.outlast(pauseMs);
    }
    await client.cut();
    await reading;
    expect(toldMs).toEqual([5_000, 10_000]);
    expect(client.received).toEqual([]);
  });

  it('shows every message at least once, in order, to a reader that is cut off anywhere', async () => {
    const cuts = fc.array(fc.nat(1_500), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(cuts, fc.integer({ min: 1, max: 40 }), async (lengths, count) => {
        const { app, bench } = createRig();
        await publish(bench, count);
        const seen: number[] = [];
        let place: Record<string, string> = {};
        for (const length of [...lengths, Infinity]) {
          const client = await openEvents(app, '?after=oldest', place);
          const hasLast = (): boolean =>
            client.received.some(({ data }) => orderOf(data) === count - 1);
          for (let left = length; left > 0 && !hasLast();) left -= await client.readOf(left);
          await client.cut();
          seen.push(...client.received.map(({ data }) => orderOf(data)));
          if (hasLast()) break;
          if (client.lastEventId !== '') place = { 'last-event-id': client.lastEventId };
        }
        const firsts = [...new Set(seen)];
        expect(firsts).toEqual(Array.from({ length: count }, (_, at) => at));
      }),
      { numRuns: 40, seed: SEED },
    );
  });

  it('says so when what came next is no longer kept', async () => {
    const { app, bench } = createRig();
    await publish(bench, 1);
    // As after the store was set back: the place is ahead of everything there is.
    const client = await openEvents(app, '', { 'last-event-id': 'm.900-0' });
    await client.readUntil(() => client.received.length === 1);
    expect(client.lastEventId).toBe('m.1-0');
    const more = client.readUntil(() => client.received.length === 2);
    await publish(bench, 1, 1);
    await bench.outlast(20);
    await more;
    expect(client.received.map(({ event }) => event)).toEqual(['gap', 'message']);
    await client.cut();
  });

  it('reads nothing of the store that the reader has not asked for', async () => {
    const bench = createWorkbench();
    let readings = 0;
    bench.faults.fate = (operation) => {
      if (operation === 'readFeed') readings += 1;
      return 'proceed';
    };
    const { app } = createRig({ bench });
    await publish(bench, 1_000);
    const client = await openEvents(app, '?after=oldest');
    for (let at = 0; at < 20; at += 1) await bench.clock.advance(1_000);
    expect(readings).toBe(1); // the look whether the place is one
    await client.read();
    await client.read();
    const taken = readings;
    expect(taken).toBe(2);
    for (let at = 0; at < 20; at += 1) await bench.clock.advance(1_000);
    expect(readings).toBe(taken);
    expect(client.received.length).toBeLessThanOrEqual(100);
    await client.cut();
  });

  it('lets go of the store when the reader is gone, cut off or aborted', async () => {
    const bench = createWorkbench();
    let listeners = 0;
    const { store } = bench;
    const subscribe = store.onChange.bind(store);
    store.onChange = (listener) => {
      const unsubscribe = subscribe(listener);
      listeners += 1;
      return () => {
        listeners -= 1;
        unsubscribe();
      };
    };
    const { app } = createRig({ bench });
    const gone = new AbortController();
    const clients = [
      await openEvents(app),
      await openEvents(app, '', {}, gone.signal),
      await openEvents(app, '?after=oldest', {}, gone.signal),
    ];
    await publish(bench, 300);
    for (const client of clients) await client.read();
    await clients[2]?.read();
    await clients[0]?.read();
    expect(listeners).toBe(2);
    await clients[0]?.cut();
    gone.abort();
    await bench.clock.advance(0);
    expect(listeners).toBe(0);
    expect(bench.clock.sleeping()).toBe(0);
  });

  it('ends at shutdown, and says when to come back', async () => {
    const shutdown = new AbortController();
    const { app, bench } = createRig({ shutdown: shutdown.signal });
    const client = await openEvents(app);
    await client.read();
    const last = client.read();
    await bench.clock.advance(0);
    shutdown.abort();
    await bench.clock.advance(0);
    expect(await last).toBe(true);
    expect(client.blocks.at(-1)).toMatch(/^: the server ends this stream.*\nretry: 2000$/);
    expect(await client.read()).toBe(false);
  });

  it('leaves nothing behind on what outlives it, and no other request does', async () => {
    const shutdown = new AbortController();
    const rig = createRig({ shutdown: shutdown.signal });
    await rig.send('/events', { method: 'HEAD' });
    await rig.get('/workflows?limit=1');
    await rig.get('/events?after=nonsense');
    const client = await openEvents(rig.app);
    expect(getEventListeners(shutdown.signal, 'abort')).toHaveLength(0);
    await client.read();
    expect(getEventListeners(shutdown.signal, 'abort')).toHaveLength(1);
    await client.cut();
    await rig.bench.clock.advance(0);
    expect(getEventListeners(shutdown.signal, 'abort')).toHaveLength(0);
  });

  it('shows a caller nothing of another tenant', async () => {
    const bench = createWorkbench();
    const { app } = createRig({ bench, caller: { ...LOCAL_CALLER, tenant: 'other' } });
    await publish(bench, 3);
    await bench.application.publishMessage(
      { ...bench.context, tenant: 'other' },
      { topic: 'own.one', body: 1 },
    );
    const client = await openEvents(app, '?after=oldest');
    await client.readUntil(() => client.received.length > 0);
    expect(topicsOf(client)).toEqual(['own.one']);
    await client.cut();
  });

  it('says how to begin anew to who names a place that is none', async () => {
    const rig = createRig();
    const headers = { 'last-event-id': 'nonsense' };
    for (const reply of [await rig.get('/events', headers), await rig.get('/events?after=x')]) {
      expect(reply.field('next')).toContain('after=oldest');
      expect(reply.field('detail')).toContain('not one of this feed');
    }
  });

  it('refuses what it cannot follow before it answers 200', async () => {
    const rig = createRig();
    const refusals = [
      ['/events?after=nonsense', 422, 'invalid_cursor'],
      ['/events?topic=a..b', 422, 'invalid_topic'],
      ['/events?type=Nothing', 422, 'invalid_arguments'],
      ['/events?run=a%20b', 422, 'invalid_topic'],
    ] as const;
    for (const [path, status, code] of refusals) {
      const refused = await rig.get(path);
      expect([path, refused.status, refused.field('code')]).toEqual([path, status, code]);
    }
    expect((await rig.get('/events', { accept: 'application/json' })).status).toBe(406);
    const reader = { ...LOCAL_CALLER, scopes: new Set(['agents:work'] as const) };
    expect((await createRig({ caller: reader }).get('/events')).status).toBe(403);
    const bench = createWorkbench();
    bench.faults.fate = () => 'fail';
    expect((await createRig({ bench }).get('/events')).field('code')).toBe('store_unavailable');
  });

  it('tells a defect to the log alone, and keeps the client away for a while', async () => {
    const bench = createWorkbench();
    const rig = createRig({ bench });
    const client = await openEvents(rig.app);
    await client.read();
    bench.store.readFeed = () => Promise.reject(new Error('secret words'));
    expect(await client.read()).toBe(true);
    expect(client.blocks.at(-1)).toMatch(/^event: error\nretry: 60000\ndata: /);
    expect(client.blocks.join()).not.toContain('secret');
    expect(rig.logged.join()).toContain('secret words');
    expect(await client.read()).toBe(false);
  });
});

function orderOf(data: unknown): number {
  return (data as { body: { order: number } }).body.order;
}
