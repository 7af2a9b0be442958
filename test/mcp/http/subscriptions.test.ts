import type { McpSubscription } from '@modelcontextprotocol/client';
import { describe, expect, it, vi } from 'vitest';
import type { Caller } from '../../../src/application/access/access.ts';
import { RELEASE, TIMED } from '../../application/definitions.ts';
import { answerOf, eventsOf, postModern } from './by-hand.ts';
import { callerWith, ERAS, serveHttp, type ServedHttp } from './connect-http.ts';

const CALLER = callerWith('k1');

async function subscriber(served: ServedHttp, [era, options]: (typeof ERAS)[number], as?: Caller) {
  const { client } = await served.connect(options, as);
  const told: string[] = [];
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
    told.push(params.uri);
  });
  client.setNotificationHandler('notifications/resources/list_changed', () => {
    told.push('list');
  });
  // The client opens its stream for notices by itself, some time after the handshake.
  if (era === 'legacy') await client.ping();
  const subscribe = async (...uris: string[]): Promise<McpSubscription | undefined> => {
    if (era === 'modern') return client.listen({ resourceSubscriptions: uris });
    for (const uri of uris) await client.subscribeResource({ uri });
    return undefined;
  };
  const watchList = async (): Promise<void> => {
    await client.listResources();
    if (era === 'modern') await client.listen({ resourcesListChanged: true });
  };
  return { client, told, subscribe, watchList };
}

describe.each(ERAS)('a subscriber of the %s era over HTTP', (...era) => {
  it('is told when the run changes, and of no other run', async () => {
    const served = await serveHttp();
    const { bench } = served;
    const { told, subscribe } = await subscriber(served, era, CALLER);
    await bench.register(RELEASE);
    const run = await bench.start('release');
    await bench.start('release');
    await subscribe(`workflow://runs/${run}`);
    await bench.clock.advance(1_000);
    expect(told).toEqual([]);
    await bench.complete(await bench.claim('shell:make'), 'ok');
    await bench.clock.advance(1_000);
    await vi.waitFor(() => expect(told).toEqual([`workflow://runs/${run}`]));
  });

  it('is told that the list has changed', async () => {
    const served = await serveHttp();
    const { bench } = served;
    const { told, watchList } = await subscriber(served, era);
    await bench.register(TIMED);
    await watchList();
    await bench.start('timed');
    await bench.clock.advance(3_000);
    await vi.waitFor(() => expect(told).toEqual(['list']));
  });

  it('hears nothing of a run of another tenant, though it knows its address', async () => {
    const served = await serveHttp();
    const { bench } = served;
    const stranger = await subscriber(served, era, callerWith('k9', { tenant: 'acme' }));
    const own = await subscriber(served, era, CALLER);
    await bench.register(RELEASE);
    const uri = `workflow://runs/${await bench.start('release')}`;
    if (era[0] === 'modern') await stranger.subscribe(uri);
    else await expect(stranger.subscribe(uri)).rejects.toThrow('unknown_run');
    await own.subscribe(uri);
    await bench.complete(await bench.claim('shell:make'), 'ok');
    await bench.clock.advance(10_000);
    await vi.waitFor(() => expect(own.told).toEqual([uri]));
    expect(stranger.told).toEqual([]);
  });

  it('costs nothing after it has gone', async () => {
    const served = await serveHttp();
    const { bench, endpoint } = served;
    const asleep = bench.clock.sleeping();
    const { client, subscribe } = await subscriber(served, era);
    await bench.register(RELEASE);
    const uri = `workflow://runs/${await bench.start('release')}`;
    const subscription = await subscribe(uri);
    expect(bench.clock.sleeping()).toBeGreaterThan(asleep);
    if (subscription) await subscription.close();
    else await client.unsubscribeResource({ uri });
    await vi.waitFor(() => expect(endpoint.counts().listening).toBe(0));
    // The sweep of sessions goes on as long as there is one.
    const sweeping = era[0] === 'legacy' ? 1 : 0;
    await vi.waitFor(() => expect(bench.clock.sleeping()).toBe(asleep + sweeping));
  });

  it('is subscribed to a bounded number of resources over all connections of its key', async () => {
    const served = await serveHttp({ limits: { watchedPerCaller: 2 } });
    const { bench } = served;
    await bench.register(TIMED);
    const uris: string[] = [];
    for (let at = 0; at < 3; at += 1) uris.push(`workflow://runs/${await bench.start('timed')}`);
    const [first = '', second = '', third = ''] = uris;
    const one = await subscriber(served, era, CALLER);
    const two = await subscriber(served, era, CALLER);
    const held = await one.subscribe(first);
    await two.subscribe(second);
    /** Whether the address was accepted. */
    const isAccepted = async (as: typeof one, uri: string): Promise<boolean> => {
      try {
        const subscription = await as.subscribe(uri);
        return (
          subscription?.honoredFilter.resourceSubscriptions?.includes(uri) ?? era[0] === 'legacy'
        );
      } catch {
        return false;
      }
    };
    expect(await isAccepted(two, third)).toBe(false);
    expect(await isAccepted(await subscriber(served, era, callerWith('k2')), third)).toBe(true);
    if (held) await held.close();
    else await one.client.unsubscribeResource({ uri: first });
    await vi.waitFor(async () => expect(await isAccepted(two, third)).toBe(true));
  });

  it('goes with its key', async () => {
    const served = await serveHttp();
    const { bench, endpoint } = served;
    const { subscribe } = await subscriber(served, era, CALLER);
    await bench.register(RELEASE);
    await subscribe(`workflow://runs/${await bench.start('release')}`);
    await endpoint.endKey('k1');
    expect(endpoint.counts()).toMatchObject({ sessions: 0, listening: 0 });
    await vi.waitFor(() => expect(bench.clock.sleeping()).toBe(0));
  });
});

describe('listening over HTTP since 2026-07-28', () => {
  const listenTo = (served: ServedHttp, uris: readonly string[], capabilities = {}) =>
    postModern(served, 'subscriptions/listen', {
      params: { notifications: { resourceSubscriptions: uris } },
      capabilities,
      id: 'mine',
    });

  it('is acknowledged with the addresses that are really watched', async () => {
    const served = await serveHttp();
    const stream = eventsOf(await listenTo(served, ['nothing://x', 'health://status']));
    expect((await stream.next())?.data).toMatchObject({
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { resourceSubscriptions: ['health://status'] } },
    });
    await stream.close();
    await vi.waitFor(() => expect(served.endpoint.counts().listening).toBe(0));
  });

  it('ends at once, and keeps nothing, where there is nothing to listen for', async () => {
    const served = await serveHttp();
    const stream = eventsOf(await listenTo(served, ['nothing://x']));
    expect((await stream.next())?.data).toMatchObject({ params: { notifications: {} } });
    expect((await stream.next())?.data).toMatchObject({ id: 'mine' });
    expect(await stream.next()).toBeUndefined();
    expect(served.endpoint.counts().listening).toBe(0);
    expect(served.bench.clock.sleeping()).toBe(0);
  });

  it('is refused past the limit of a caller', async () => {
    const served = await serveHttp({ limits: { listeningPerCaller: 1 } });
    const stream = eventsOf(await listenTo(served, ['health://status']));
    await stream.next();
    const refused = await answerOf(await listenTo(served, ['health://status']));
    expect(refused).toMatchObject({ id: 'mine', error: { code: -32_603 } });
    await stream.close();
    await vi.waitFor(() => expect(served.endpoint.counts().listening).toBe(0));
    const again = eventsOf(await listenTo(served, ['health://status']));
    expect((await again.next())?.data).toMatchObject({ params: { notifications: {} } });
    await again.close();
  });

  it('is told of the end by the server that stops', async () => {
    const served = await serveHttp();
    const stream = eventsOf(await listenTo(served, ['health://status']));
    await stream.next();
    await served.endpoint.close({ graceMs: 0 });
    expect((await stream.next())?.data).toMatchObject({ id: 'mine', result: {} });
    expect(await stream.next()).toBeUndefined();
  });
});
