import { once } from 'node:events';
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { CONNECTION_TIMEOUTS } from '../../src/http/listen.ts';
import { startService } from './service.ts';

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
    const { url, ask } = await startService({ maxBodyBytes: LIMIT });
    const open = Array.from({ length: 16 }, () => opened(url));
    for (const request of open) request.write(Buffer.alloc(LIMIT));
    const body = 'x'.repeat(KIB);
    // Their bodies are on the way to the server: refused from the moment when all have arrived.
    const status = async () => (await ask(ECHO, { ...post, body })).status;
    await expect.poll(status).toBe(503);
    for (const request of open) request.destroy();
    await expect.poll(status).toBe(200);
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
function opened(url: string): ClientRequest {
  const request = httpRequest(url + ECHO, { ...post, agent: false });
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
