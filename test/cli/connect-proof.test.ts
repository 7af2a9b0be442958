import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { CliFailure, type FailureReport } from '../../src/cli/cli-failure.ts';
import { eventsIn } from '../../src/cli/connect/event-stream.ts';
import { notesOnUrl } from '../../src/cli/connect/http-options.ts';
import { proveServer, type ProvenServer } from '../../src/cli/connect/prove-server.ts';
import { refuseUnreachable } from '../../src/cli/connect/server-refusal.ts';
import {
  errorOf,
  HttpFixture,
  initialized,
  resultOf,
  sendJson,
  type Received,
} from './http-fixture.ts';

const http = new HttpFixture();
afterEach(() => http.close());

const HEADERS = { Authorization: 'Bearer hush-hush' };

function prove(url: string, timeoutMs?: number): Promise<ProvenServer> {
  return proveServer({
    url: new URL(url),
    headers: HEADERS,
    version: '1',
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
}

async function refusal(url: string, timeoutMs?: number): Promise<FailureReport> {
  const error: unknown = await prove(url, timeoutMs).catch((reason: unknown) => reason);
  if (!(error instanceof CliFailure)) throw new Error(`no refusal: ${JSON.stringify(error)}`);
  expect(error.report.changed).toBe('nothing');
  expect(JSON.stringify(error.report)).not.toContain('hush');
  return error.report;
}

describe('a server is proven', () => {
  test('that the official SDK serves, of either era', async () => {
    const identity = { name: 'baton', version: '9.8.7' };
    const legacy = await prove(await http.serveSdk('stateless'));
    expect(legacy).toEqual({ ...identity, protocol: '2025-11-25' });
    const modern = await prove(await http.serveSdk('reject'));
    expect(modern).toEqual({ ...identity, protocol: '2026-07-28' });
  });

  test('that answers as an event stream, which is not waited out', async () => {
    const { url } = await http.serve((received, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' });
      const notice = { jsonrpc: '2.0', method: 'notifications/message', params: {} };
      const answer = JSON.stringify(resultOf(received, initialized('streamer', '2025-06-18')));
      response.write(`: hello\n\nevent: message\ndata: ${JSON.stringify(notice)}\n\n`);
      response.write(`id: 1\ndata: ${answer}\n\n`);
    });
    expect(await prove(url)).toEqual({
      name: 'streamer',
      version: '1.2.3',
      protocol: '2025-06-18',
    });
  });

  test('with one request, and its session is ended', async () => {
    const { url, received } = await http.serve((message, response) => {
      if (message.method === 'DELETE') response.writeHead(204).end();
      else
        sendJson(response, 200, resultOf(message, initialized('baton', '2025-06-18')), {
          'Mcp-Session-Id': 's1',
        });
    });
    await prove(url);
    expect(received).toMatchObject([
      {
        method: 'POST',
        headers: {
          accept: 'application/json, text/event-stream',
          'content-type': 'application/json',
          authorization: 'Bearer hush-hush',
        },
      },
      {
        method: 'DELETE',
        headers: {
          'mcp-session-id': 's1',
          'mcp-protocol-version': '2025-06-18',
          authorization: 'Bearer hush-hush',
        },
      },
    ]);
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', clientInfo: { name: 'baton-connect' } },
    });
  });

  test('that does not say who it is', async () => {
    const { url } = await http.serve((received, response) =>
      sendJson(response, 200, resultOf(received, { protocolVersion: '2024-11-05' })),
    );
    expect(await prove(url)).toEqual({ protocol: '2024-11-05' });
  });
});

describe('refused is', () => {
  type Answer = (response: ServerResponse, received: Received) => unknown;
  const html: Answer = (response) =>
    response.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>hush-hush</p>');
  const status =
    (code: number, headers = {}): Answer =>
    (response) =>
      response.writeHead(code, headers).end('hush-hush');
  const json =
    (body: object, code = 200): Answer =>
    (response) =>
      sendJson(response, code, body);
  const cases: [string, Answer, string, number, RegExp][] = [
    ['a page', html, 'no_mcp_server', 2, /no MCP server answers: HTTP 200, text\/html/],
    [
      'JSON of something else',
      json({ ok: true }),
      'no_mcp_server',
      2,
      /HTTP 200, application\/json/,
    ],
    [
      'an answer to another request',
      json({ jsonrpc: '2.0', id: 'other', result: initialized('baton') }),
      'no_mcp_server',
      2,
      /application\/json, no MCP reply/,
    ],
    [
      'a result of something else',
      (response, received) => sendJson(response, 200, resultOf(received, { ok: true })),
      'no_mcp_server',
      2,
      /a result that is none of initialize/,
    ],
    ['401', status(401), 'authentication_required', 2, /HTTP 401/],
    [
      '403, whatever the body',
      json({ jsonrpc: '2.0', error: { code: -32_000, message: 'x' } }, 403),
      'authentication_required',
      2,
      /HTTP 403/,
    ],
    ['404', status(404), 'no_mcp_server', 2, /HTTP 404; tried initialize \(2025-11-25\)$/],
    ['500', status(500), 'server_unavailable', 5, /HTTP 500/],
    ['429', status(429), 'server_unavailable', 5, /HTTP 429/],
    [
      'another protocol',
      (response, received) =>
        sendJson(response, 200, resultOf(received, initialized('x', '2031-01-01'))),
      'unsupported_protocol',
      2,
      /another protocol revision \(2031-01-01\)/,
    ],
    [
      'an error to both requests',
      (response, received) =>
        sendJson(response, 400, errorOf(received, -32601, 'no Bearer hush-hush\u001B[2J')),
      'no_mcp_server',
      2,
      /error of MCP \(-32601, no \*{3}\\u\{1b\}\[2J\); tried initialize \(2025-11-25\), then server\/discover \(2026-07-28\)$/,
    ],
    [
      'a session that ends in the middle',
      (response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.end('data: {"jsonrpc"');
      },
      'no_mcp_server',
      2,
      /text\/event-stream, no MCP reply/,
    ],
    [
      'a connection that breaks',
      (response) => response.socket?.destroy(),
      'server_unavailable',
      5,
      /no answer: /,
    ],
  ];
  test.each(cases)('%s', async (_name, answer, code, exitCode, message) => {
    const { url } = await http.serve((received, response) => answer(response, received));
    expect(await refusal(url)).toMatchObject({
      code,
      exitCode,
      message: expect.stringMatching(message) as string, // vitest's matchers are `any`
    });
  });

  test.each(['application/json', 'text/event-stream'])('megabytes of %s, unread', async (type) => {
    const megabyte = 'x'.repeat(2 ** 20);
    let sent = 0;
    const { url } = await http.serve((_received, response) => {
      response.writeHead(200, { 'Content-Type': type });
      const more = (): void => {
        while (sent < 200 && !response.destroyed) {
          sent += 1;
          if (!response.write(`data: ${megabyte}\n`)) return;
        }
      };
      response.on('drain', more);
      more();
    });
    expect(await refusal(url)).toMatchObject({
      code: 'no_mcp_server',
      message: expect.stringContaining('a reply of more than 1048576 bytes') as string, // `any`
    });
    expect(sent).toBeLessThan(200);
  });

  test('a redirect, which is not followed', async () => {
    const elsewhere = await http.serve((_received, response) => response.end());
    const target = `${elsewhere.url}?token=hush-hush`;
    const { url, received } = await http.serve((message, response) =>
      response.writeHead(307, { Location: message.path === '/mcp' ? target : '/mcp/' }).end(),
    );
    expect(await refusal(url)).toMatchObject({
      code: 'redirected',
      message: `${url}: HTTP 307 redirects to another origin, ${elsewhere.url}?…, which was not followed; tried initialize (2025-11-25)`,
    });
    const same = await refusal(`${url}/old`);
    expect(same.next).toContain(`--http ${url}/`);
    expect(received).toHaveLength(2);
    expect(elsewhere.received).toEqual([]);
  });

  test.each(['nothing', 'half'])('a server that says %s, after the limit', async (what) => {
    const { url } = await http.serve((_received, response) => {
      if (what === 'nothing') return;
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.write('{');
    });
    expect(await refusal(url, 100)).toMatchObject({
      code: 'server_unavailable',
      exitCode: 5,
      message: `${url}: no complete answer within 0.1 s; tried initialize (2025-11-25)`,
    });
  });

  test('a port where nobody listens, or where no HTTP is spoken', async () => {
    const server = createServer((socket) => socket.once('data', () => socket.end('+PONG\r\n')));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo; // it listens on a port
    const url = `http://127.0.0.1:${port}/mcp`;
    expect(await refusal(url)).toMatchObject({ code: 'server_unavailable' });
    server.close();
    await once(server, 'close');
    expect((await refusal(url)).message).toMatch(/no answer: .*ECONNREFUSED/);
  });

  test('a port that programs like this one refuse to call', async () => {
    const { code, message, next } = await refusal('http://127.0.0.1:1/mcp');
    expect(code).toBe('refused_port');
    expect(message).toContain('port 1 is one of those that are never called over HTTP');
    expect(next).toContain('another port');
  });

  test('https where http is spoken, and a certificate that nobody vouches for', async () => {
    const { url } = await http.serve((_received, response) => response.end());
    expect(await refusal(url.replace('http:', 'https:'))).toMatchObject({
      code: 'untrusted_server',
      exitCode: 2,
    });
    const cause = Object.assign(new Error('self-signed certificate'), {
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
    const attempt = { url: new URL(url), headers: {}, timeoutMs: 1, tried: ['x'] };
    const refuse = (): never =>
      refuseUnreachable(attempt, new TypeError('fetch failed', { cause }), AbortSignal.any([]));
    expect(refuse).toThrow('no trusted TLS connection: self-signed certificate; tried x');
  });
});

describe('an event stream', () => {
  async function read(...chunks: string[]): Promise<string[]> {
    async function* source(): AsyncGenerator<string> {
      yield* chunks;
    }
    const events: string[] = [];
    for await (const event of eventsIn(source())) events.push(event);
    return events;
  }

  test('is read as the specification says, however it is cut', async () => {
    const text =
      ': c\r\ndata: a\r\ndata:b\r\n\r\nevent: x\rdata\r\rid: 1\ndatum: 2\n\ndata: cut off\n';
    const events = ['a\nb', ''];
    expect(await read(text)).toEqual(events);
    expect(await read(...text.split(''))).toEqual(events);
  });
});

test('a connection without encryption to elsewhere is remarked upon', () => {
  const notes = (url: string): string[] => notesOnUrl(new URL(url));
  expect(notes('http://10.0.0.7/mcp?key=hush')).toEqual([
    expect.stringContaining('http://10.0.0.7/mcp?… is reached without encryption'),
  ]);
  expect(notes('http://localhost.example.com/')).toHaveLength(1);
  for (const url of [
    'https://10.0.0.7/',
    'http://localhost:1/',
    'http://127.9.9.9/',
    'http://[::1]/',
  ])
    expect(notes(url)).toEqual([]);
});
