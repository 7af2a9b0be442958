import { existsSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { ClientOptions } from '@modelcontextprotocol/client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { textOf } from '../mcp/connect.ts';
import { getJson, peakMemory, postJson, ServerPlace } from './baton-server.ts';

const HELLO = `
name: hello
steps:
  - { id: greet, uses: shell, with: { command: [sh, -c, "echo hello"] } }
`;
const WAITING = `
name: waiting
steps:
  - { id: nap, uses: wait, with: { for: 1h } }
`;
const SLOW = `
name: slow
steps:
  - { id: sleep, uses: shell, with: { command: [sh, -c, "touch began; sleep 60"] } }
`;
const PATIENTLY = { timeout: 20_000 };
const MODERN: ClientOptions = { versionNegotiation: { mode: { pin: '2026-07-28' } } };
const NOT_ACCEPTED = ['503', 'ECONNREFUSED', 'ECONNRESET', 'UND_ERR_SOCKET'];
const MIB = 2 ** 20;

async function connect(url: string, options?: ClientOptions): Promise<Client> {
  const client = new Client({ name: 'e2e', version: '1' }, options);
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)));
  onTestFinished(() => client.close());
  return client;
}

function runIdIn(structured: unknown): string {
  const fields = new Map<string, unknown>(Object.entries(structured as object)); // what a tool answers
  return String(fields.get('run_id'));
}

async function define(url: string, definition: string): Promise<void> {
  expect((await postJson(`${url}/api/v1/definitions`, { definition })).status).toBe(201);
}

test('one run through MCP of both eras and REST, its steps run here, and the end is orderly', async () => {
  const place = new ServerPlace();
  const { url, announced, child, ended } = await place.serve();
  expect(announced).toMatchObject({
    mcp: `${url}/mcp`,
    rest: `${url}/api/v1`,
    pid: child.pid,
    auth: 'none',
    queues: ['shell:sh'],
  });
  await define(url, HELLO);
  const legacy = await connect(url);
  const started = await legacy.callTool({
    name: 'start_workflow',
    arguments: { workflow: 'hello', wait_seconds: 20 },
  });
  expect(started.structuredContent).toMatchObject({ status: 'completed' });
  const runId = runIdIn(started.structuredContent);
  const modern = await connect(url, MODERN);
  const got = await modern.callTool({ name: 'get_workflow', arguments: { run_id: runId } });
  expect(textOf(got)).toContain(runId);
  expect(textOf(got)).toContain('completed');
  const rest = await getJson(`${url}/api/v1/workflows/${runId}`);
  expect(rest).toMatchObject({ status: 200, body: { workflow_id: runId, status: 'completed' } });
  expect((await getJson(`${url}/readyz`)).status).toBe(200);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toMatch(/^baton_finished_runs_total 1$/m);
  expect(metrics).toMatch(/baton_http_requests_total\{.*route="\/api\/v1\/workflows\/:.*200"\} 1/);
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0, signal: null, stderr: '' });
});

describe('a start that cannot be', () => {
  test('a port in use is named with its setting, and nothing is left behind', async () => {
    const place = new ServerPlace();
    const { url } = await place.serve();
    const { port } = new URL(url);
    const { code, stderr } = await place.start(['--port', port]).ended;
    expect(code).toBe(2);
    const { error } = JSON.parse(stderr) as { error: Record<string, string> }; // as --json tells errors
    expect(error).toMatchObject({ code: 'port_in_use', changed: 'nothing' });
    expect(error['message']).toMatch(`127.0.0.1:${port} is in use`);
    expect(error['message']).toContain('http.port: option --port');
  });

  test('beyond loopback without a key it says how to make one; with one it asks everybody for it', async () => {
    const place = new ServerPlace();
    const refused = await place.start(['--host', '0.0.0.0']).ended;
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('baton keys create');
    const scopes = ['--scopes', 'runs:read,runs:write'];
    const key = place.run('keys', 'create', 'agent', ...scopes).stdout.trim();
    const server = await place.serve(['--host', '0.0.0.0']);
    const health = `http://127.0.0.1:${new URL(server.url).port}/api/v1/health`;
    expect(await getJson(health)).toMatchObject({ status: 401 });
    const headers = { authorization: `Bearer ${key}` };
    expect(await getJson(health, headers)).toMatchObject({ status: 200 });
    expect(place.run('keys', 'revoke', 'agent').code).toBe(0);
    await expect.poll(async () => (await getJson(health, headers)).status).toBe(401);
    server.child.kill('SIGTERM');
    expect((await server.ended).stderr).toContain('without encryption');
  });

  test('a key in a file is enough, and one that is none is refused', async () => {
    const place = new ServerPlace();
    const path = place.write('key', 'too short\n');
    const environment = { BATON_HTTP_KEY_FILE: path, BATON_HTTP_HOST: '0.0.0.0' };
    const refused = await place.start([], environment).ended;
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain('http.keyFile');
    expect(refused.stderr).not.toContain('too short');
    const key = 'k'.repeat(40);
    place.write('key', `${key}\n`);
    const { url } = await place.serve([], environment);
    const list = `http://127.0.0.1:${new URL(url).port}/api/v1/workflows`;
    expect((await getJson(list, { authorization: `Bearer ${key}` })).status).toBe(200);
    expect((await getJson(list, { authorization: `Bearer ${key}x` })).status).toBe(401);
  });
});

describe('under load', () => {
  test('SIGTERM loses nothing that was accepted, and ends waits with what is true', async () => {
    const place = new ServerPlace();
    const first = await place.serve(['--no-worker']);
    await define(first.url, WAITING);
    const waited = await postJson(`${first.url}/api/v1/workflows`, { type: 'waiting' });
    const waitingFor = String(waited.body['workflow_id']);
    const long = getJson(`${first.url}/api/v1/workflows/${waitingFor}?wait_seconds=25`);
    const mcp = await connect(first.url);
    const call = { name: 'await_workflow', arguments: { run_id: waitingFor, wait_seconds: 25 } };
    const awaited = mcp.callTool(call);

    const accepted: string[] = [];
    const otherwise = new Set<string>();
    const lane = async (name: number): Promise<void> => {
      for (let at = 0; ; at += 1) {
        const answer = await start(first.url, `${name}-${at}`);
        if (answer.status !== 201) return void otherwise.add(String(answer.status));
        accepted.push(answer.id);
      }
    };
    const lanes = Promise.all(Array.from({ length: 20 }, (_, at) => lane(at)));
    await expect.poll(() => accepted.length, PATIENTLY).toBeGreaterThan(100);
    const signalledAtMs = performance.now();
    first.child.kill('SIGTERM');
    expect(await long).toMatchObject({ status: 200, body: { status: 'running' } });
    expect((await awaited).structuredContent).toMatchObject({ finished: false });
    await lanes;
    expect((await first.ended).code).toBe(0);
    expect(performance.now() - signalledAtMs).toBeLessThan(9_000);
    // An idle connection is closed while a client writes to it: what was sent then was not accepted.
    for (const end of otherwise) expect(NOT_ACCEPTED).toContain(end);

    const second = await place.serve(['--no-worker']);
    for (const id of accepted)
      expect((await getJson(`${second.url}/api/v1/workflows/${id}`)).status).toBe(200);
  });

  test('a second signal ends at once', async () => {
    const place = new ServerPlace();
    const { url, child, ended } = await place.serve();
    await define(url, SLOW);
    expect((await postJson(`${url}/api/v1/workflows`, { type: 'slow' })).status).toBe(201);
    await expect.poll(() => existsSync(join(place.folder, 'began')), PATIENTLY).toBe(true);
    child.kill('SIGTERM');
    await expect.poll(() => fetch(`${url}/healthz`).catch(() => 'gone')).toBe('gone');
    child.kill('SIGTERM');
    expect((await ended).code).toBe(130);
  });

  test('two hundred clients at once, of both eras and with the same ids, each get their own answer', async () => {
    const place = new ServerPlace();
    const server = await place.serve(['--no-worker']);
    await define(server.url, WAITING);
    const clients = await Promise.all(
      Array.from({ length: 200 }, (_, at) =>
        connect(server.url, at % 2 === 0 ? undefined : MODERN),
      ),
    );
    const runs = await Promise.all(
      clients.map((client, at) =>
        client.callTool({
          name: 'start_workflow',
          arguments: { workflow: 'waiting', idempotency_key: `client ${at}` },
        }),
      ),
    );
    const ids = runs.map(({ structuredContent }) => runIdIn(structuredContent));
    expect(new Set(ids).size).toBe(200);
    const again = await Promise.all(
      clients.map((client, at) =>
        client.callTool({ name: 'get_workflow', arguments: { run_id: ids[at] } }),
      ),
    );
    again.forEach((result, at) => expect(textOf(result)).toContain(ids[at]));
    server.child.kill('SIGTERM');
    expect((await server.ended).code).toBe(0);
  });

  test('bodies of 64 MB are refused and not held', async () => {
    const place = new ServerPlace();
    const server = await place.serve(['--no-worker']);
    await getJson(`${server.url}/api/v1/health`);
    const before = peakMemory(server);
    const statuses = await Promise.all(Array.from({ length: 20 }, () => sendLarge(server.url)));
    // Cut off in the midst of sending is a refusal, too.
    for (const status of statuses) expect([413, 429, 503, 'cut']).toContain(status);
    expect(statuses).toContain(413);
    const after = peakMemory(server);
    // Twenty bodies would be 1,280 MiB; held are at most sixteen of the 4 MiB that one may have.
    if (before !== undefined && after !== undefined)
      expect((after - before) / MIB).toBeLessThan(200);
    expect((await getJson(`${server.url}/readyz`)).status).toBe(200);
  });
});

async function start(url: string, key: string): Promise<{ status: number | string; id: string }> {
  try {
    const { status, body } = await postJson(
      `${url}/api/v1/workflows`,
      { type: 'waiting' },
      { 'idempotency-key': key },
    );
    return { status, id: String(body['workflow_id']) };
  } catch (error) {
    const cause =
      error instanceof Error ? (error.cause as { code?: string } | undefined) : undefined; // of the system
    return { status: cause?.code ?? String(error), id: '' };
  }
}

/** Without a length, so that it has to be counted. */
async function sendLarge(url: string): Promise<number | 'cut'> {
  const chunk = Buffer.alloc(MIB, 'x');
  return new Promise((resolve) => {
    const request = httpRequest(`${url}/mcp`, { method: 'POST', agent: false });
    request.once('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', () => resolve('cut'));
    let sent = 0;
    const send = (): void => {
      while (sent < 64 && !request.destroyed) {
        sent += 1;
        if (!request.write(chunk)) return void request.once('drain', send);
      }
      request.end();
    };
    send();
  });
}
