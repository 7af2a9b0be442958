import { connect as connectSocket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { RELEASE } from '../../application/definitions.ts';
import { answerOf, askModern, eventsOf, initialize, openSession, postModern } from './by-hand.ts';
import { serveHttp, type ServedHttp } from './connect-http.ts';

const LIST = { jsonrpc: '2.0', id: 5, method: 'tools/list' };

const modernMeta = (version: string) => ({
  'io.modelcontextprotocol/protocolVersion': version,
  'io.modelcontextprotocol/clientInfo': { name: 'x', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
});

describe('a request of 2026-07-28 is refused', () => {
  it('whose revision is not known, with those that are', async () => {
    const served = await serveHttp();
    const answer = await answerOf(
      await served.post(
        { ...LIST, params: { _meta: modernMeta('2031-01-01') } },
        { 'mcp-protocol-version': '2031-01-01', 'mcp-method': 'tools/list' },
      ),
    );
    expect(answer).toMatchObject({
      status: 400,
      id: 5,
      error: { code: -32_022, data: { supported: ['2026-07-28'], requested: '2031-01-01' } },
    });
  });

  it.each([
    ['names another revision', { 'mcp-protocol-version': '2025-11-25' }],
    ['names another method', { 'mcp-method': 'tools/list' }],
    ['names another tool', { 'mcp-name': 'cancel_workflow' }],
    ['names no method', { 'mcp-method': '' }],
  ])('whose header %s', async (_name, headers) => {
    const served = await serveHttp();
    const answer = await askModern(served, 'tools/call', {
      params: { name: 'list_workflows', arguments: {} },
      headers,
    });
    expect(answer).toMatchObject({ status: 400, error: { code: -32_020 } });
  });

  it('that has lost its envelope', async () => {
    const served = await serveHttp();
    const answer = await answerOf(
      await served.post(LIST, { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' }),
    );
    expect(answer).toMatchObject({ status: 400, error: { code: -32_602 } });
  });

  it('that asks for what older revisions had', async () => {
    const served = await serveHttp();
    for (const method of ['initialize', 'ping', 'resources/subscribe', 'logging/setLevel'])
      expect(await askModern(served, method)).toMatchObject({ error: { code: -32_601 } });
  });
});

describe('a request is refused', () => {
  it('that is no JSON', async () => {
    const served = await serveHttp();
    for (const body of ['{', '', 'null,', '\u0000'])
      expect(await answerOf(await served.post(body))).toMatchObject({
        status: 400,
        id: null,
        error: { code: -32_700 },
      });
  });

  it('that holds more messages than one may, unread', async () => {
    const served = await serveHttp();
    const session = { 'mcp-session-id': await openSession(served) };
    const startedMs = performance.now();
    const many = `[${'1,'.repeat(1_000_000)}1]`;
    expect((await served.post(many, session)).status).toBe(400);
    expect((await served.post(many)).status).toBe(400);
    const listen = await askModern(served, 'subscriptions/listen', {
      params: { notifications: { resourceSubscriptions: Array(300_000).fill('x://y') } },
    });
    expect(listen).toMatchObject({ status: 200, id: 1 });
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });

  it('that is JSON and no message', async () => {
    const served = await serveHttp();
    const session = { 'mcp-session-id': await openSession(served) };
    for (const body of [null, 7, 'x', {}, [], { jsonrpc: '1.0', id: 1, method: 'ping' }])
      expect((await served.post(JSON.stringify(body), session)).status).toBe(400);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', ''])(
    'whose body calls itself "%s"',
    async (type) => {
      const served = await serveHttp();
      const response = await served.post(initialize(), { 'content-type': type });
      expect(response.status).toBe(415);
      const modern = await postModern(served, 'tools/list', { headers: { 'content-type': type } });
      expect(modern.status).toBe(415);
    },
  );

  it('before 2026-07-28 that cannot read both kinds of answer', async () => {
    const served = await serveHttp();
    expect((await served.post(initialize(), { accept: 'application/json' })).status).toBe(406);
    expect((await served.post(initialize(), { accept: 'text/event-stream' })).status).toBe(406);
    expect(served.endpoint.counts().sessions).toBe(0);
    const headers = { accept: 'application/json', 'mcp-session-id': await openSession(served) };
    expect((await fetch(served.url, { headers })).status).toBe(406);
  });

  it('before 2026-07-28 without a session, or whose session is unknown', async () => {
    const served = await serveHttp();
    expect(await answerOf(await served.post(LIST))).toMatchObject({ status: 400, id: 5 });
    expect(await answerOf(await served.post(LIST, { 'mcp-session-id': 'x' }))).toMatchObject({
      status: 404,
      id: 5,
    });
    for (const method of ['GET', 'DELETE'])
      expect((await fetch(served.url, { method })).status).toBe(400);
  });

  it('that names in its header a revision of which there is none', async () => {
    const served = await serveHttp();
    const session = { 'mcp-session-id': await openSession(served) };
    const refused = await served.post(LIST, { ...session, 'mcp-protocol-version': '1999-01-01' });
    expect(refused.status).toBe(400);
    expect((await served.post(LIST, session)).status).toBe(200);
  });

  it('whose method HTTP knows and MCP does not', async () => {
    const served = await serveHttp();
    for (const method of ['PUT', 'PATCH', 'OPTIONS']) {
      const response = await fetch(served.url, { method });
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe('GET, POST, DELETE');
    }
  });

  it('that is larger than the limit, also where it does not say so', async () => {
    const served = await serveHttp({ limits: { bodyBytes: 10_000 } });
    const body = JSON.stringify({ ...LIST, params: { pad: 'x'.repeat(20_000) } });
    expect((await served.post(body)).status).toBe(413);
    const chunks = new ReadableStream({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode(body));
        controller.close();
      },
    });
    const headers = { 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: chunks, duplex: 'half' } as const;
    expect((await fetch(served.url, init)).status).toBe(413);
  });
});

describe('before 2026-07-28', () => {
  it.each(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'])(
    'the revision %s is spoken',
    async (version) => {
      const served = await serveHttp();
      const { result } = await answerOf(await served.post(initialize(1, version)));
      expect(result).toMatchObject({ protocolVersion: version });
    },
  );

  it('a client of an unknown revision is offered the newest of its era', async () => {
    const served = await serveHttp();
    const { result } = await answerOf(await served.post(initialize(1, '2099-01-01')));
    expect(result).toMatchObject({ protocolVersion: '2025-11-25' });
  });

  it('several requests in one body are answered, each once', async () => {
    const served = await serveHttp();
    const session = { 'mcp-session-id': await openSession(served) };
    const stream = eventsOf(
      await served.post([LIST, { jsonrpc: '2.0', id: 6, method: 'prompts/list' }], session),
    );
    const ids: unknown[] = [];
    for (let event = await stream.next(); event; event = await stream.next())
      ids.push((event.data as { id: unknown }).id); // both are answers
    expect(ids.toSorted()).toEqual([5, 6]);
  });

  it('a session cannot begin among other requests, nor a second time', async () => {
    const served = await serveHttp();
    expect((await served.post([initialize(), LIST])).status).toBe(400);
    const session = { 'mcp-session-id': await openSession(served) };
    expect((await served.post(initialize(), session)).status).toBe(400);
    expect(served.endpoint.counts().sessions).toBe(1);
  });
});

describe('a client that closes its half of the connection', () => {
  it.each(['subscriptions/listen', 'GET'])('has its stream ended (%s)', async (method) => {
    const served = await serveHttp();
    const { bench, endpoint, url } = served;
    const session = method === 'GET' ? await openSession(served) : undefined;
    const asleep = bench.clock.sleeping();
    const params = {
      notifications: { resourceSubscriptions: ['health://status'] },
      _meta: modernMeta('2026-07-28'),
    };
    const body = session ? '' : JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const lines = session
      ? ['GET /mcp HTTP/1.1', `mcp-session-id: ${session}`]
      : [
          'POST /mcp HTTP/1.1',
          'content-type: application/json',
          `content-length: ${body.length}`,
          'mcp-protocol-version: 2026-07-28',
          'mcp-method: subscriptions/listen',
        ];
    const head = [...lines, `host: ${url.host}`, 'accept: application/json, text/event-stream'];
    const socket = connectSocket(Number(url.port), url.hostname);
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
    await new Promise((answered) => socket.once('data', answered));
    expect(endpoint.counts().streams).toBe(1);
    socket.end();
    await vi.waitFor(() => expect(endpoint.counts()).toMatchObject({ streams: 0, listening: 0 }));
    expect(bench.clock.sleeping()).toBe(asleep);
    socket.destroy();
  });
});

describe('a client that hangs up in the midst of a call', () => {
  async function waiting(): Promise<ServedHttp & { run_id: string; asleep: number }> {
    const served = await serveHttp();
    await served.bench.register(RELEASE);
    await served.bench.announce('shell:make');
    const run_id = await served.bench.start('release');
    return { ...served, run_id, asleep: served.bench.clock.sleeping() };
  }

  /** Sends the request over a socket of its own; answers how to break the connection off. */
  async function halfway(
    { url }: ServedHttp,
    headers: Record<string, string>,
    body: object,
  ): Promise<() => void> {
    const text = JSON.stringify(body);
    const lines = [
      'POST /mcp HTTP/1.1',
      `host: ${url.host}`,
      'content-type: application/json',
      'accept: application/json, text/event-stream',
      `content-length: ${Buffer.byteLength(text)}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ];
    const socket = connectSocket(Number(url.port), url.hostname);
    await new Promise((connected) => socket.once('connect', connected));
    socket.write(`${lines.join('\r\n')}\r\n\r\n${text}`);
    return () => socket.resetAndDestroy();
  }

  it('of 2026-07-28 cancels it, and leaves nothing', async () => {
    const served = await waiting();
    const { bench, endpoint, run_id, asleep } = served;
    const params = {
      name: 'await_workflow',
      arguments: { run_id },
      _meta: modernMeta('2026-07-28'),
    };
    const hangUp = await halfway(
      served,
      {
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': 'await_workflow',
      },
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params },
    );
    await vi.waitFor(() => expect(bench.clock.sleeping()).toBe(asleep + 1));
    hangUp();
    await vi.waitFor(() => expect(bench.clock.sleeping()).toBe(asleep));
    expect(endpoint.counts().working).toBe(0);
    expect((await bench.events(run_id)).map(({ type }) => type)).not.toContain(
      'CancellationRequested',
    );
  });

  it('of an older revision may fetch the answer later; its stream keeps nothing', async () => {
    const served = await waiting();
    const { bench, endpoint, run_id } = served;
    const session = await openSession(served);
    const asleep = bench.clock.sleeping();
    const params = { name: 'await_workflow', arguments: { run_id } };
    const hangUp = await halfway(
      served,
      { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' },
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params },
    );
    await vi.waitFor(() => expect(bench.clock.sleeping()).toBe(asleep + 1));
    hangUp();
    await bench.clock.advance(25_000);
    await vi.waitFor(() => expect(endpoint.counts().working).toBe(0));
    // Idle, so it goes when nobody comes back for it.
    await bench.clock.advance(31 * 60_000);
    await vi.waitFor(() => expect(endpoint.counts()).toMatchObject({ sessions: 0, eventBytes: 0 }));
  });
});
