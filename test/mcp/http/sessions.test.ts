import { expect, describe, it, vi } from 'vitest';
import { RELEASE, TIMED } from '../../application/definitions.ts';
import { createWorkbench } from '../../application/workbench.ts';
import { textOf } from '../connect.ts';
import { answerOf, eventsOf, initialize, openSession } from './by-hand.ts';
import { callerWith, serveHttp, type ServedHttp } from './connect-http.ts';

const PING = { jsonrpc: '2.0', id: 2, method: 'ping' };

const ping = async (served: ServedHttp, session: string, as?: ReturnType<typeof callerWith>) =>
  answerOf(await served.post(PING, { 'mcp-session-id': session }, as));

const hangUp = (served: ServedHttp, session: string) =>
  fetch(served.url, { method: 'DELETE', headers: { 'mcp-session-id': session } });

const listenTo = (served: ServedHttp, session: string, lastEventId?: string) =>
  fetch(served.url, {
    headers: {
      accept: 'text/event-stream',
      'mcp-session-id': session,
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    },
  });

describe('a session', () => {
  it('has an id that cannot be guessed, different for every client', async () => {
    const served = await serveHttp();
    const ids = new Set<string>();
    for (let at = 0; at < 20; at += 1) ids.add(await openSession(served));
    expect(ids.size).toBe(20);
    for (const id of ids) expect(id).toMatch(/^[\da-f]{64}$/);
  });

  it('does not exist for another key, or for another tenant', async () => {
    const served = await serveHttp();
    const [own, other] = [callerWith('k1'), callerWith('k2')];
    const session = await openSession(served, own);
    expect(await ping(served, session, own)).toMatchObject({ status: 200, result: {} });
    const stranger = await ping(served, session, other);
    expect(stranger).toEqual(await ping(served, 'f'.repeat(64), other));
    expect(stranger).toMatchObject({ status: 404, id: 2, error: { code: -32_001 } });
    const elsewhere = callerWith('k1', { tenant: 'acme' });
    expect(await ping(served, session, elsewhere)).toMatchObject({ status: 404 });
    expect(await ping(served, session)).toMatchObject({ status: 404 });
    expect(await ping(served, session, own)).toMatchObject({ status: 200 });
  });

  it('ends by DELETE, and is unknown then', async () => {
    const served = await serveHttp();
    const session = await openSession(served);
    expect((await hangUp(served, session)).status).toBe(200);
    expect(await ping(served, session)).toMatchObject({ status: 404 });
    expect(served.endpoint.counts().sessions).toBe(0);
    expect((await hangUp(served, session)).status).toBe(404);
  });

  it('is unknown to a server that was restarted; the client begins a new one', async () => {
    const bench = createWorkbench();
    const before = await serveHttp({ bench });
    const session = await openSession(before);
    const after = await serveHttp({ bench });
    const gone = await ping(after, session);
    expect(gone).toMatchObject({ status: 404 });
    expect(gone.error?.message).toContain('initialize');
    expect(await ping(after, await openSession(after))).toMatchObject({ status: 200 });
  });

  it('ends with its key, and its stream too, while those of other keys go on', async () => {
    const served = await serveHttp();
    const [lost, kept] = [callerWith('k1'), callerWith('k2')];
    const session = await openSession(served, lost);
    const other = await openSession(served, kept);
    await served.endpoint.endKey('k1');
    expect(await ping(served, session, lost)).toMatchObject({ status: 404 });
    expect(await ping(served, other, kept)).toMatchObject({ status: 200 });
  });

  it('that nobody uses ends after a while, one with an open stream does not', async () => {
    const served = await serveHttp({ limits: { sessionIdleMs: 60_000 } });
    const idle = await openSession(served);
    const heard = await openSession(served);
    const stream = eventsOf(await listenTo(served, heard));
    await served.bench.clock.advance(200_000);
    expect(await ping(served, idle)).toMatchObject({ status: 404 });
    expect(await ping(served, heard)).toMatchObject({ status: 200 });
    await stream.close();
    await vi.waitFor(async () => {
      await served.bench.clock.advance(100_000);
      expect(served.endpoint.counts().sessions).toBe(0);
    });
    expect(served.bench.clock.sleeping()).toBe(0);
  });

  it('gives way, when its caller has too many, to a new one; when all are taken, where most are held', async () => {
    const served = await serveHttp({ limits: { sessionsPerCaller: 2, sessions: 3 } });
    const [one, two] = [callerWith('k1'), callerWith('k2')];
    const first = await openSession(served, one);
    const second = await openSession(served, one);
    await ping(served, first, one);
    const third = await openSession(served, one);
    expect(await ping(served, second, one)).toMatchObject({ status: 404 });
    expect(await ping(served, first, one)).toMatchObject({ status: 200 });
    expect(await ping(served, third, one)).toMatchObject({ status: 200 });
    const lone = await openSession(served, two);
    await openSession(served, callerWith('k3'));
    expect(await ping(served, first, one)).toMatchObject({ status: 404 });
    expect(await ping(served, third, one)).toMatchObject({ status: 200 });
    expect(await ping(served, lone, two)).toMatchObject({ status: 200 });
    expect(served.endpoint.counts().sessions).toBe(3);
  });

  it('is there for every tenant, however many keys another one has', async () => {
    const served = await serveHttp({ limits: { sessions: 8 } });
    for (const key of ['a1', 'a2', 'a3', 'a4'])
      for (let at = 0; at < 4; at += 1)
        await openSession(served, callerWith(key, { tenant: 'acme' }));
    expect(served.endpoint.counts().sessions).toBe(4);
    const [other, third] = ['b', 'c'].map((key) => callerWith(key, { tenant: key }));
    const held = [await openSession(served, other), await openSession(served, other)];
    for (let at = 0; at < 4; at += 1)
      await openSession(served, callerWith(`d${at}`, { tenant: 'd' }));
    const own = await openSession(served, third);
    expect(served.endpoint.counts().sessions).toBe(8);
    for (const id of held) expect(await ping(served, id, other)).toMatchObject({ status: 200 });
    expect(await ping(served, own, third)).toMatchObject({ status: 200 });
  });

  it('at work gives way to nobody', async () => {
    const served = await serveHttp({ limits: { sessions: 2 } });
    const { bench } = served;
    await bench.register(RELEASE);
    await bench.announce('shell:make');
    const params = { name: 'await_workflow', arguments: { run_id: await bench.start('release') } };
    const call = { jsonrpc: '2.0', id: 3, method: 'tools/call', params };
    const waiting: Response[] = [];
    for (const caller of ['k1', 'k2'].map((key) => callerWith(key))) {
      const session = await openSession(served, caller);
      waiting.push(await served.post(call, { 'mcp-session-id': session }, caller));
    }
    const refused = await answerOf(
      await served.post(initialize(), {}, callerWith('k3', { tenant: 'acme' })),
    );
    expect(refused).toMatchObject({ status: 503, id: 1 });
    await bench.clock.advance(25_000);
    for (const answer of waiting) expect(await answerOf(answer)).toMatchObject({ id: 3 });
  });

  it('is refused while all sessions of its caller are at work', async () => {
    const served = await serveHttp({ limits: { sessionsPerCaller: 1 } });
    const stream = eventsOf(await listenTo(served, await openSession(served)));
    const refused = await served.post(initialize());
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).not.toBeNull();
    await stream.close();
  });

  it('works on a bounded number of requests at once', async () => {
    const served = await serveHttp({ limits: { requestsPerSession: 2 } });
    const { bench } = served;
    await bench.register(RELEASE);
    await bench.announce('shell:make');
    const run_id = await bench.start('release');
    const session = await openSession(served);
    const wait = (id: number) =>
      served.post(
        {
          jsonrpc: '2.0',
          id,
          method: 'tools/call',
          params: { name: 'await_workflow', arguments: { run_id } },
        },
        { 'mcp-session-id': session },
      );
    const first = await wait(1);
    const second = await wait(2);
    expect(await answerOf(await wait(3))).toMatchObject({ status: 429, id: 3 });
    await bench.clock.advance(25_000);
    expect(await answerOf(first)).toMatchObject({ id: 1 });
    expect(await answerOf(second)).toMatchObject({ id: 2 });
    expect(await ping(served, session)).toMatchObject({ status: 200 });
  });
});

describe('a stream that was cut', () => {
  const wait = (served: ServedHttp, session: string, run_id: string) =>
    served.post(
      {
        jsonrpc: '2.0',
        id: 7,
        method: 'tools/call',
        params: {
          name: 'await_workflow',
          arguments: { run_id },
          _meta: { progressToken: 'p' },
        },
      },
      { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' },
    );

  async function waiting(): Promise<ServedHttp & { session: string; run_id: string }> {
    const served = await serveHttp();
    const { bench } = served;
    await bench.register(RELEASE);
    await bench.announce('shell:make');
    const run_id = await bench.start('release');
    return { ...served, session: await openSession(served), run_id };
  }

  it('loses no message: the client goes on behind the last that it saw', async () => {
    const served = await waiting();
    const { bench, session, run_id } = served;
    const stream = eventsOf(await wait(served, session, run_id));
    const primed = await stream.next();
    expect(primed).toMatchObject({ data: undefined });
    const progress = await stream.next();
    expect(progress?.data).toMatchObject({ params: { progress: 0, total: 3 } });
    await stream.close();
    await vi.waitFor(() => expect(served.endpoint.counts().working).toBe(1));
    await bench.complete(await bench.claim('shell:make'), 'ok');
    await bench.clock.advance(25_000);
    await vi.waitFor(() => expect(served.endpoint.counts().working).toBe(0));
    for (const [lastSeen, missed] of [
      [primed?.id, 3],
      [progress?.id, 2],
    ] as const) {
      const again = eventsOf(await listenTo(served, session, lastSeen));
      const messages: unknown[] = [];
      for (let event = await again.next(); event; event = await again.next())
        messages.push(event.data);
      expect(messages).toHaveLength(missed);
      expect(messages.at(-1)).toMatchObject({
        id: 7,
        result: { structuredContent: { run_id: served.run_id } },
      });
    }
  });

  it('goes on where it was taken up again, also while the call still runs', async () => {
    const served = await waiting();
    const { bench, session, run_id } = served;
    const stream = eventsOf(await wait(served, session, run_id));
    const primed = await stream.next();
    await stream.next();
    // The server has not noticed that the old connection is dead: the new one takes its place.
    const again = eventsOf(await listenTo(served, session, primed?.id));
    expect((await again.next())?.data).toMatchObject({ params: { progress: 0 } });
    await bench.complete(await bench.claim('shell:make'), 'ok');
    await bench.clock.advance(25_000);
    expect((await again.next())?.data).toMatchObject({ params: { progress: 1 } });
    expect((await again.next())?.data).toMatchObject({ id: 7 });
    expect(await again.next()).toBeUndefined();
    await stream.close();
  });

  it('is told plainly when what it asks for is not kept', async () => {
    const served = await waiting();
    const refused = await listenTo(served, served.session, '4711');
    expect(await answerOf(refused)).toMatchObject({ status: 400 });
  });

  it('of another session is not heard', async () => {
    const served = await waiting();
    const stream = eventsOf(await wait(served, served.session, served.run_id));
    const primed = await stream.next();
    const other = await openSession(served);
    // The number may be one of its own too: then it hears what is its own.
    const refused = await listenTo(served, other, String(Number(primed?.id) + 3));
    expect(refused.status).toBe(400);
    await stream.close();
  });
});

describe('what is kept for clients', () => {
  it('is bounded in messages and bytes, of a session and in all', async () => {
    const served = await serveHttp({
      limits: { eventsPerSession: 10, eventBytesPerSession: 20_000, eventBytes: 30_000 },
    });
    const { bench } = served;
    for (let at = 0; at < 10; at += 1) await bench.register(TIMED.replace('nap', `nap${at}`));
    const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
    for (let session = 0; session < 4; session += 1) {
      const id = await openSession(served);
      for (let at = 0; at < 5; at += 1)
        await (await served.post(list, { 'mcp-session-id': id })).text();
      expect(served.endpoint.counts().eventBytes).toBeLessThanOrEqual(30_000);
    }
    expect(served.endpoint.counts().eventBytes).toBeGreaterThan(10_000);
  });

  it('is freed with the session', async () => {
    const served = await serveHttp();
    const session = await openSession(served);
    await (
      await served.post(
        { jsonrpc: '2.0', id: 1, method: 'tools/list' },
        { 'mcp-session-id': session },
      )
    ).text();
    expect(served.endpoint.counts().eventBytes).toBeGreaterThan(0);
    await hangUp(served, session);
    expect(served.endpoint.counts().eventBytes).toBe(0);
  });
});

describe('two hundred clients with the same JSON-RPC ids', () => {
  it('get their own answers, in both eras at once', async () => {
    const served = await serveHttp();
    const { bench, connect } = served;
    await bench.register(TIMED);
    const CLIENTS = 200;
    const runs = await Promise.all(Array.from({ length: CLIENTS }, () => bench.start('timed')));
    const answers = await Promise.all(
      runs.map(async (run_id, at) => {
        // Each client of the SDK numbers its requests from 0.
        const { call } = await connect(
          at % 2 === 0 ? {} : { versionNegotiation: { mode: { pin: '2026-07-28' } } },
        );
        const [first, second] = await Promise.all([
          call('get_workflow', { run_id }),
          call('get_workflow', { run_id }),
        ]);
        return [textOf(first), textOf(second)];
      }),
    );
    for (const [at, run_id] of runs.entries())
      expect(answers[at]).toEqual([
        expect.stringContaining(run_id),
        expect.stringContaining(run_id),
      ]);
  }, 60_000);
});
