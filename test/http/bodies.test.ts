import { once } from 'node:events';
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import { CONNECTION_TIMEOUTS } from '../../src/http/listen.ts';
import type { HttpEnv } from '../../src/http/http-env.ts';
import { READER, startService, type Answer } from './service.ts';

const KIB = 1_024;
const LIMIT = 64 * KIB;
const ECHO = '/api/v1/echo';
const post = { method: 'POST' } as const;

function nested(levels: number): string {
  return '['.repeat(levels) + ']'.repeat(levels);
}

describe('sizes', () => {
  test('a body at the limit arrives whole, one byte more is refused before it is sent', async () => {
    const { ask } = await startService({ maxBodyBytes: LIMIT });
    const body = 'x'.repeat(LIMIT);
    expect(await ask(ECHO, { ...post, body })).toMatchObject({ status: 200, text: body });
    expect(await ask(ECHO, { ...post, body: `${body}x` })).toMatchObject({
      status: 413,
      code: 'body_too_large',
    });
    expect(await ask('/mcp', { ...post, body: `${body}x` })).toMatchObject({ status: 413 });
  });

  test('one without a length is counted while it comes, and refused though it never ends', async () => {
    const { url } = await startService({ maxBodyBytes: LIMIT });
    const request = opened(url);
    const answered = once(request, 'response') as Promise<[IncomingMessage]>; // as node:http emits it
    request.write(Buffer.alloc(LIMIT));
    request.write('x');
    const [{ statusCode }] = await answered;
    expect(statusCode).toBe(413);
    request.destroy();
  });

  test('all bodies together are bounded: what is beyond is refused, and room is made when they end', async () => {
    const { url, ask, keys } = await startService({ maxBodyBytes: LIMIT });
    const headersOf = (name: string, tenant: string): Record<string, string> => {
      keys.set(`bok_${name}`, { ...READER, tenant, key: { id: name, name } });
      return { authorization: `Bearer bok_${name}` };
    };
    const body = 'x'.repeat(KIB);
    // Their bodies are on the way to the server: refused from the moment when all have arrived.
    const status = async (headers: Record<string, string>) =>
      (await ask(ECHO, { ...post, headers, body })).status;
    const fill = (headers: Record<string, string>): ClientRequest[] => {
      const open = Array.from({ length: 4 }, () => opened(url, headers));
      for (const request of open) request.write(Buffer.alloc(LIMIT));
      return open;
    };
    const [a1, a2, a3] = [1, 2, 3].map((at) => headersOf(`a${at}`, 'acme'));
    const [b1, b2] = [1, 2].map((at) => headersOf(`b${at}`, 'beta'));
    if (!a1 || !a2 || !a3 || !b1 || !b2) throw new Error('none');
    const open = fill(a1);
    await expect.poll(() => status(a1)).toBe(429); // the caller's share
    open.push(...fill(a2));
    await expect.poll(() => status(a3)).toBe(429); // the tenant's
    expect(await status(b1)).toBe(200);
    open.push(...fill(b1), ...fill(b2));
    await expect.poll(() => status({})).toBe(503); // all
    for (const request of open) request.destroy();
    await expect.poll(() => status(a1)).toBe(200);
    await expect.poll(() => status({})).toBe(200);
  });

  test('a body that was taken counts no more while its answer is waited for', async () => {
    const rest = new Hono<HttpEnv>();
    let taken = 0;
    const answering = Promise.withResolvers<undefined>();
    rest.post('/wait', async (c) => {
      await c.req.text();
      taken += 1;
      await answering.promise;
      return c.text('answered');
    });
    rest.post('/echo', async (c) => c.text(await c.req.text()));
    const { ask } = await startService({ maxBodyBytes: LIMIT }, { rest });
    const body = 'x'.repeat(LIMIT);
    const waiting: Promise<Answer>[] = [];
    for (let at = 1; at <= 20; at += 1) {
      waiting.push(ask('/api/v1/wait', { ...post, body }));
      await expect.poll(() => taken).toBe(at);
    }
    expect(await ask(ECHO, { ...post, body })).toMatchObject({ status: 200, text: body });
    answering.resolve(undefined);
    for (const answer of await Promise.all(waiting)) expect(answer.text).toBe('answered');
  });

  test('one of MCP, whose calls keep it, counts until the answer has been sent', async () => {
    const answering = Promise.withResolvers<undefined>();
    let working = 0;
    const mcp = {
      fetch: async (request: Request) => {
        const size = (await request.text()).length;
        working += 1;
        if (size === LIMIT) await answering.promise;
        return new Response(String(size));
      },
      endKey: async () => undefined,
      close: async () => undefined,
    };
    const { ask } = await startService({ maxBodyBytes: LIMIT }, { mcp });
    const calls = Array.from({ length: 6 }, () =>
      ask('/mcp', { ...post, body: 'x'.repeat(LIMIT) }),
    );
    await expect.poll(() => working).toBe(6);
    const next = async () => (await ask('/mcp', { ...post, body: '{}' })).status;
    expect(await next()).toBe(429);
    answering.resolve(undefined);
    await Promise.all(calls);
    await expect.poll(next).toBe(200);
  });

  test('a body that breaks off reaches nobody and gives its room back', async () => {
    const { url, ask, held } = await startService({ maxBodyBytes: LIMIT });
    for (let at = 0; at < 40; at += 1) {
      const request = opened(url);
      request.write(Buffer.alloc(LIMIT - 1));
      await once(request, 'socket');
      request.destroy();
    }
    const whole = { ...post, body: 'whole' };
    await expect.poll(async () => (await ask(ECHO, whole)).text).toBe('whole');
    expect(held.count).toBe(0);
  });
});

/** A request whose body is still to come, on a connection of its own. */
function opened(url: string, headers: Record<string, string> = {}): ClientRequest {
  const request = httpRequest(url + ECHO, { ...post, headers, agent: false });
  request.on('error', () => undefined);
  request.flushHeaders();
  return request;
}

describe('depth', () => {
  test('256 levels pass; more are refused, also where nothing closes them', async () => {
    const { ask } = await startService();
    const status = async (body: string) => (await ask('/mcp', { ...post, body })).status;
    expect(await status(nested(256))).toBe(200);
    for (const bomb of [nested(257), '['.repeat(1_000_000), '{"a":'.repeat(100_000)])
      expect(await status(bomb)).toBe(422);
    expect(await status(`{"text": "${'['.repeat(1_000)} \\" ["}`)).toBe(200);
  });
});

describe('form', () => {
  const sent = async (body: Buffer, headers: Record<string, string>) => {
    const { ask } = await startService();
    return Promise.all([ECHO, '/mcp'].map((path) => ask(path, { ...post, body, headers })));
  };
  const json = Buffer.from('{"text":"Grüße"}');

  test.each([
    ['bytes that never occur', [0xff, 0xfe]],
    ['Latin-1', [0x47, 0x72, 0xfc, 0xdf, 0x65]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['one that is cut', [0xe2, 0x82]],
    ['one that is longer than it need be', [0xc0, 0xaf]],
  ])('what is not UTF-8 is refused, never changed: %s', async (_name, bytes) => {
    const body = Buffer.concat([Buffer.from('{"text":"'), Buffer.from(bytes), Buffer.from('"}')]);
    for (const answer of await sent(body, { 'content-type': 'application/json' }))
      expect(answer).toMatchObject({ status: 400, code: 'malformed_request' });
  });

  test.each(['latin1', 'ISO-8859-1', '"utf-16"', 'x'])('charset=%s is refused', async (charset) => {
    const headers = { 'content-type': `application/json; Charset=${charset}` };
    for (const answer of await sent(json, headers))
      expect(answer).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  });

  test.each(['gzip', 'identity, br', 'x'])('Content-Encoding: %s is refused', async (coding) => {
    for (const answer of await sent(json, { 'content-encoding': coding })) {
      expect(answer).toMatchObject({ status: 415, code: 'unsupported_media_type' });
      expect(answer.headers['accept-encoding']).toBe('identity');
    }
  });

  test.each<Record<string, string>>([
    { 'content-type': 'application/json; charset=UTF-8' },
    { 'content-type': 'application/json;charset="utf-8"; v=1' },
    { 'content-encoding': 'Identity' },
  ])('%o passes, whole', async (headers) => {
    const [echo, mcp] = await sent(json, headers);
    expect([echo?.text, mcp?.status]).toEqual([json.toString(), 200]);
  });
});

describe('slow and broken requests', () => {
  const timeouts = { ...CONNECTION_TIMEOUTS, headersMs: 200, requestMs: 400 };

  test('a head or a body that does not come is answered 408, and the connection closed', async () => {
    const { url } = await startService({}, { timeouts });
    const slow = [
      'POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-Slow: ',
      'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{',
      `POST ${ECHO} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12`,
    ];
    const answers = await Promise.all(slow.map((text) => exchange(url, text)));
    for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('a hundred connections that say nothing are closed; one that is fast is not hindered meanwhile', async () => {
    const silence = { ...timeouts, silenceMs: 300 };
    const { url, ask } = await startService({}, { timeouts: silence });
    const silent = Array.from({ length: 100 }, () => exchange(url, ''));
    expect((await ask('/api/v1/who')).status).toBe(200);
    for (const answer of await Promise.all(silent))
      expect(answer).toMatch(/^(?:HTTP\/1\.1 408 |$)/);
  });

  test('what is no request, or of two hosts or lengths, is refused without a word of it', async () => {
    const { url } = await startService();
    const wrong: [string, RegExp][] = [
      ['nonsense\r\n\r\n', /^HTTP\/1\.1 400 /],
      ['GET /api/v1/who HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
      ['GET /\\evil HTTP/1.1\r\nHost: localhost\r\n\r\n', /^HTTP\/1\.1 400 /],
      [
        'GET /api/v1/who HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
        /^HTTP\/1\.1 40[03] /,
      ],
      [
        `POST ${ECHO} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
        /^HTTP\/1\.1 400 /,
      ],
      [`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    ];
    for (const [text, expected] of wrong) expect(await exchange(url, text)).toMatch(expected);
  });

  test('a target with a host of its own is held to the same names; what names none is told so', async () => {
    const { url } = await startService();
    const target = async (line: string, host = 'localhost'): Promise<string> =>
      exchange(url, `${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(await target('GET http://evil.example/api/v1/who')).toMatch(
      /^HTTP\/1\.1 403 .*host_refused/s,
    );
    expect(await target('GET http://localhost/api/v1/who')).toMatch(/^HTTP\/1\.1 200 .*local/s);
    const malformed = /^HTTP\/1\.1 400 .*problem\+json.*malformed_request/is;
    expect(await target('GET /api/v1/who', 'localhost:99999')).toMatch(malformed);
    expect(await target('OPTIONS *')).toMatch(malformed);
  });

  test('a client that closes its half still gets its answer', async () => {
    const { url } = await startService();
    const text = 'GET /api/v1/who HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
    expect(await exchange(url, text, (socket) => socket.end())).toMatch(/^HTTP\/1\.1 200 .*local/s);
  });
});

/** Sends the text and answers all that comes until the server closes. */
async function exchange(
  url: string,
  text: string,
  after: (socket: Socket) => void = () => undefined,
): Promise<string> {
  const { port } = new URL(url);
  const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  socket.write(text);
  after(socket);
  await new Promise<void>((resolve) => {
    socket.once('end', () => resolve());
    socket.once('close', () => resolve());
  });
  socket.destroy();
  return answer;
}
