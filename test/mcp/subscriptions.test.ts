import type { McpSubscription } from '@modelcontextprotocol/client';
import { describe, expect, it, vi } from 'vitest';
import { MAX_SUBSCRIPTIONS } from '../../src/mcp/resource-watch.ts';
import { MAX_LISTENING } from '../../src/mcp/stdio.ts';
import { GREET, PAYMENT, RELEASE, TIMED } from '../application/definitions.ts';
import { createWorkbench, type Workbench } from '../application/workbench.ts';
import { MODERN, connect, type Session } from './connect.ts';

interface Subscriber extends Session {
  /** What it was told, in order: addresses, and `list` for a change of the list. */
  readonly told: string[];
  readonly subscribe: (...uris: string[]) => Promise<McpSubscription | undefined>;
  readonly watchList: () => Promise<void>;
}

type Era = 'legacy' | 'modern';

async function subscriber(era: Era, bench: Workbench = createWorkbench()): Promise<Subscriber> {
  const session = await connect({
    bench,
    live: { changes: bench.store, clock: bench.clock },
    ...(era === 'modern' && { client: MODERN }),
  });
  const { client } = session;
  const told: string[] = [];
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
    told.push(params.uri);
  });
  client.setNotificationHandler('notifications/resources/list_changed', () => {
    told.push('list');
  });
  return {
    ...session,
    told,
    subscribe: async (...uris) => {
      if (era === 'modern') return client.listen({ resourceSubscriptions: uris });
      for (const uri of uris) await client.subscribeResource({ uri });
      return undefined;
    },
    watchList: async () => {
      await client.listResources();
      if (era === 'modern') await client.listen({ resourcesListChanged: true });
    },
  };
}

async function signal(bench: Workbench, run_id: string, name: string): Promise<void> {
  const call = { run_id, name, payload: {} };
  const answered = await bench.application.signalWorkflow(bench.context, call);
  expect(answered.ok).toBe(true);
}

describe.each(['legacy', 'modern'] as const)('a subscriber of the %s era', (era) => {
  it('is told when the run changes, and of no other run', async () => {
    const { bench, told, subscribe } = await subscriber(era);
    await bench.register(RELEASE);
    const run = await bench.start('release');
    const other = await bench.start('release');
    await subscribe(`workflow://runs/${run}`);
    await bench.clock.advance(1_000);
    expect(told).toEqual([]);
    await signal(bench, other, 'approve');
    await bench.clock.advance(1_000);
    expect(told).toEqual([]);
    await bench.complete(await bench.claim('shell:make'), 'ok');
    await bench.clock.advance(1_000);
    expect(told).toEqual([`workflow://runs/${run}`]);
  });

  it('is told of each resource that reads differently now, not of those that read the same', async () => {
    const { bench, told, subscribe } = await subscriber(era);
    await bench.register(RELEASE);
    const run = await bench.start('release');
    const at = (rest: string): string => `workflow://runs/${run}/${rest}`;
    const built = at('steps/build/output');
    await subscribe(at('history'), at('graph'), built, at('steps/report/output'));
    await bench.complete(await bench.claim('shell:make'), 'ok');
    await bench.clock.advance(1_000);
    expect(told.toSorted()).toEqual([at('graph'), at('history'), built].toSorted());
  });

  it('is told once of many changes in a row, and at most twice a second', async () => {
    const { bench, told, subscribe } = await subscriber(era);
    await bench.register(TIMED);
    const run = await bench.start('timed');
    await subscribe(`workflow://runs/${run}/history`);
    await bench.clock.advance(1_000);
    for (let at = 0; at < 40; at += 1) {
      await signal(bench, run, `s${at}`);
      await bench.clock.advance(50);
    }
    await bench.clock.advance(1_000);
    expect(told.length).toBeGreaterThanOrEqual(3);
    expect(told.length).toBeLessThanOrEqual(6);
  });

  it('is told within seconds of a change that nobody announced', async () => {
    const { bench, told, subscribe } = await subscriber(era);
    await bench.register(PAYMENT);
    const run = await bench.start('payment');
    await subscribe(`workflow://runs/${run}`);
    await bench.clock.advance(1_000);
    await bench.claim('shell:pay');
    expect(told).toEqual([]);
    await bench.clock.advance(6_000);
    expect(told).toEqual([`workflow://runs/${run}`]);
  });

  it('is told nothing while nothing changes, however long it listens', async () => {
    const { bench, told, subscribe } = await subscriber(era);
    await bench.register(GREET);
    const run = await bench.start('greet', { who: 'x' });
    await subscribe(`workflow://runs/${run}`, 'workflow://definitions/greet', 'health://status');
    await bench.clock.advance(60_000);
    expect(told).toEqual([]);
  });

  it('is told of a new version of a definition and of a change of health', async () => {
    const { bench, told, subscribe } = await subscriber(era);
    await bench.register(TIMED);
    await subscribe('workflow://definitions/timed', 'health://status');
    await bench.register(TIMED.replace('nap', 'doze'));
    await bench.announce('shell:make');
    await bench.clock.advance(6_000);
    expect(told.toSorted()).toEqual(['health://status', 'workflow://definitions/timed']);
  });

  it('is told when something begins to wait for a person', async () => {
    const { bench, told, subscribe } = await subscriber(era);
    await bench.register(
      '{ name: ask, steps: [{ id: gate, uses: approval, with: { question: Go? } }] }',
    );
    await subscribe('workflow://approvals/pending');
    await bench.start('ask');
    await bench.clock.advance(1_000);
    expect(told).toEqual(['workflow://approvals/pending']);
  });

  it('hears no more after it has ended its subscription, and costs nothing then', async () => {
    const { bench, client, told, subscribe } = await subscriber(era);
    await bench.register(RELEASE);
    const run = await bench.start('release');
    const uri = `workflow://runs/${run}`;
    const subscription = await subscribe(uri);
    if (subscription) await subscription.close();
    else await client.unsubscribeResource({ uri });
    await vi.waitFor(() => expect(bench.clock.sleeping()).toBe(0));
    await bench.complete(await bench.claim('shell:make'), 'ok');
    await bench.clock.advance(10_000);
    expect(told).toEqual([]);
  });

  it('takes its subscriptions with it when the connection ends', async () => {
    const { bench, client, subscribe, watchList } = await subscriber(era);
    await bench.register(RELEASE);
    await subscribe(`workflow://runs/${await bench.start('release')}`);
    await watchList();
    expect(bench.clock.sleeping()).toBe(1);
    await client.close();
    await vi.waitFor(() => expect(bench.clock.sleeping()).toBe(0));
  });

  it('is told of its own subscriptions only', async () => {
    const bench = createWorkbench();
    const first = await subscriber(era, bench);
    const second = await subscriber(era === 'legacy' ? 'modern' : 'legacy', bench);
    await bench.register(RELEASE);
    const run = await bench.start('release');
    await first.subscribe(`workflow://runs/${run}`);
    await second.subscribe(`workflow://runs/${run}/history`);
    await bench.complete(await bench.claim('shell:make'), 'ok');
    await bench.clock.advance(1_000);
    expect(first.told).toEqual([`workflow://runs/${run}`]);
    expect(second.told).toEqual([`workflow://runs/${run}/history`]);
  });

  it('is told once that the list has changed when runs and definitions appear', async () => {
    const { bench, told, watchList } = await subscriber(era);
    await bench.register(TIMED);
    await watchList();
    await bench.clock.advance(6_000);
    expect(told).toEqual([]);
    for (let at = 0; at < 5; at += 1) await bench.start('timed');
    await bench.register(RELEASE);
    await bench.clock.advance(2_000);
    expect(told).toEqual(['list']);
    await bench.clock.advance(20_000);
    expect(told).toEqual(['list']);
  });

  it('is not told of the list when runs only go on', async () => {
    const { bench, told, watchList } = await subscriber(era);
    await bench.register(RELEASE);
    await bench.start('release');
    await watchList();
    await bench.complete(await bench.claim('shell:make'), 'ok');
    await bench.clock.advance(20_000);
    expect(told).toEqual([]);
  });

  it('hears nothing of lists that it never asked for', async () => {
    const { bench, told } = await subscriber(era);
    await bench.register(TIMED);
    await bench.start('timed');
    await bench.clock.advance(20_000);
    expect(told).toEqual([]);
    expect(bench.clock.sleeping()).toBe(0);
  });

  it('goes on hearing after the store did not answer for a while', async () => {
    const { bench, told, subscribe } = await subscriber(era);
    await bench.register(RELEASE);
    const run = await bench.start('release');
    const uri = `workflow://runs/${run}/history`;
    await subscribe(uri);
    await signal(bench, run, 'approve');
    await vi.waitFor(() => expect(told).toEqual([uri]));
    await bench.complete(await bench.claim('shell:make'), 'ok');
    bench.faults.fate = () => 'fail';
    await bench.clock.advance(12_000);
    expect(told).toEqual([uri]);
    bench.faults.fate = () => 'proceed';
    await bench.clock.advance(6_000);
    expect(told).toEqual([uri, uri]);
  });
});

describe('subscribing before 2026-07-28', () => {
  it('is refused for what does not exist, with what to do next', async () => {
    const { client } = await subscriber('legacy');
    const asked = client.subscribeResource({ uri: 'workflow://runs/nope' });
    await expect(asked).rejects.toThrow(/unknown_run: .*list_workflows/);
  });

  it('is refused past the limit; ending one subscription makes room', async () => {
    const { bench, client, subscribe } = await subscriber('legacy');
    await bench.register(TIMED);
    const uris: string[] = [];
    for (let at = 0; at <= MAX_SUBSCRIPTIONS; at += 1)
      uris.push(`workflow://runs/${await bench.start('timed')}`);
    const last = uris.pop() ?? '';
    await subscribe(...uris);
    await expect(subscribe(last)).rejects.toThrow(/too_many_subscriptions: .*unsubscribe/);
    await subscribe(uris[0] ?? '');
    await client.unsubscribeResource({ uri: uris[0] ?? '' });
    await subscribe(last);
  });

  it('is not offered by a server that knows of no changes', async () => {
    const { client } = await connect();
    expect(client.getServerCapabilities()?.resources).toEqual({
      subscribe: false,
      listChanged: false,
    });
    await expect(client.subscribeResource({ uri: 'health://status' })).rejects.toThrow();
  });
});

describe('listening since 2026-07-28', () => {
  it('is acknowledged with the addresses that are really watched', async () => {
    const { subscribe } = await subscriber('modern');
    const subscription = await subscribe(
      'workflow://nothing',
      'health://status',
      'workflow://runs/later',
    );
    expect(subscription?.honoredFilter).toEqual({
      resourceSubscriptions: ['health://status', 'workflow://runs/later'],
    });
  });

  it('tells of a run that begins to exist', async () => {
    const bench = createWorkbench();
    const { told, subscribe } = await subscriber('modern', bench);
    await bench.register(TIMED);
    await subscribe('workflow://definitions/release');
    await bench.register(RELEASE);
    await bench.clock.advance(6_000);
    expect(told).toEqual(['workflow://definitions/release']);
  });

  it('watches no more than the limit over all subscriptions of the connection', async () => {
    const { subscribe } = await subscriber('modern');
    const uris = Array.from(
      { length: MAX_SUBSCRIPTIONS + 20 },
      (_, at) => `workflow://runs/r${at}`,
    );
    const first = await subscribe(...uris);
    expect(first?.honoredFilter.resourceSubscriptions).toHaveLength(MAX_SUBSCRIPTIONS);
    const second = await subscribe('workflow://runs/one-more', uris[0] ?? '');
    expect(second?.honoredFilter.resourceSubscriptions).toEqual([uris[0]]);
    await first?.close();
    await vi.waitFor(async () => {
      const third = await subscribe('workflow://runs/one-more');
      expect(third?.honoredFilter.resourceSubscriptions).toHaveLength(1);
    });
  });

  it('leaves nothing behind when it is given up before it was acknowledged', async () => {
    const { bench, client } = await subscriber('modern');
    await bench.register(RELEASE);
    const uri = `workflow://runs/${await bench.start('release')}`;
    const giveUp = new AbortController();
    const filter = { resourceSubscriptions: [uri], resourcesListChanged: true };
    const listening = client.listen(filter, { signal: giveUp.signal });
    await vi.waitFor(() => expect(bench.clock.sleeping()).toBe(1));
    giveUp.abort();
    await expect(listening).rejects.toThrow();
    await vi.waitFor(() => expect(bench.clock.sleeping()).toBe(0));
    await bench.clock.advance(10_000);
    expect(bench.clock.sleeping()).toBe(0);
  });

  it('leaves nothing behind when it is refused', async () => {
    const { bench, subscribe } = await subscriber('modern');
    const open: (McpSubscription | undefined)[] = [];
    for (let at = 0; at < MAX_LISTENING; at += 1)
      open.push(await subscribe(`workflow://runs/r${at}`));
    const uris = Array.from({ length: MAX_SUBSCRIPTIONS }, (_, at) => `workflow://runs/more${at}`);
    await expect(subscribe(...uris)).rejects.toThrow('Subscription limit reached');
    await open.pop()?.close();
    const next = await subscribe(...uris.map((uri) => `${uri}-again`));
    expect(next?.honoredFilter.resourceSubscriptions).toHaveLength(
      MAX_SUBSCRIPTIONS - MAX_LISTENING + 1,
    );
    expect(bench.clock.sleeping()).toBe(1);
  });

  it('keeps a resource for the second subscription when the first one ends', async () => {
    const { bench, told, subscribe } = await subscriber('modern');
    await bench.register(RELEASE);
    const uri = `workflow://runs/${await bench.start('release')}`;
    const first = await subscribe(uri);
    await subscribe(uri);
    await first?.close();
    await bench.complete(await bench.claim('shell:make'), 'ok');
    await bench.clock.advance(1_000);
    expect(told).toEqual([uri]);
  });
});
