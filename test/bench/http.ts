/**
 * `baton serve` on loopback, asked 200 times a second for one run: through MCP of both eras and REST. Open loop: requests
 * are sent when they are due, whatever became of those before, and their time counts from then, so that a server that
 * stalls is not spared (coordinated omission). `npm run bench:http -- --seconds 20 --rate 200`
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { text as readText } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { percentile } from './measure.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const BAR_P99_MS = 20;
const WARM_UP_SECONDS = 2;
const BARE_RATE = 50;
const DEFINITION = 'name: bench\nsteps: [{ id: nap, uses: wait, with: { for: 1h } }]';
const MODERN_META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

interface Wire {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: object;
}

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

const JSON_HEADERS = { 'content-type': 'application/json' };
const MCP_HEADERS = { ...JSON_HEADERS, accept: 'application/json, text/event-stream' };
// As clients do: connections are kept.
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

async function ask(url: string, { method, path, headers, body }: Wire): Promise<Answered> {
  const answered = Promise.withResolvers<Answered>();
  const request = httpRequest(url + path, { method, headers, agent }, (response) => {
    const { statusCode: status = 0, headers: told } = response;
    readText(response).then(
      (text) => answered.resolve({ status, headers: told, text }),
      answered.reject,
    );
  });
  request.on('error', answered.reject);
  request.end(body && JSON.stringify(body));
  return answered.promise;
}

/** Milliseconds of each request, from when it was due. */
async function openLoop(rate: number, seconds: number, send: () => Promise<void>) {
  const startedAtMs = performance.now();
  const takenMs: number[] = [];
  const under = [];
  for (let at = 0; at < rate * seconds; at += 1) {
    const dueAtMs = startedAtMs + (at * 1_000) / rate;
    const leftMs = dueAtMs - performance.now();
    if (leftMs > 1) await setTimeout(leftMs);
    under.push(send().then(() => takenMs.push(performance.now() - dueAtMs)));
  }
  await Promise.all(under);
  return takenMs;
}

async function wiresFor(url: string, runId: string): Promise<Record<string, Wire>> {
  const call = (meta?: object) => ({
    ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
    params: { name: 'get_workflow', arguments: { run_id: runId }, ...(meta && { _meta: meta }) },
  });
  const post = { method: 'POST', path: '/mcp' } as const;
  const initialize = {
    ...{ jsonrpc: '2.0', id: 0, method: 'initialize' },
    params: {
      ...{ protocolVersion: '2025-11-25', capabilities: {} },
      clientInfo: { name: 'bench', version: '1' },
    },
  };
  const opened = await ask(url, { ...post, headers: MCP_HEADERS, body: initialize });
  const session = {
    ...MCP_HEADERS,
    'mcp-session-id': String(opened.headers['mcp-session-id']),
    'mcp-protocol-version': '2025-11-25',
  };
  const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };
  await ask(url, { ...post, headers: session, body: initialized });
  const modern = {
    ...MCP_HEADERS,
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': 'get_workflow',
  };
  return {
    'MCP 2025-11-25 tools/call': { ...post, headers: session, body: call() },
    'MCP 2026-07-28 tools/call': { ...post, headers: modern, body: call(MODERN_META) },
    'REST GET': { method: 'GET', path: `/api/v1/workflows/${runId}` },
  };
}

async function startServer(folder: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [MAIN, 'serve', '--port', '0', '--json', '--no-worker'], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, BATON_STORE: join(folder, 'baton.db') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]; // as readline emits it
  return { child, url: (JSON.parse(line) as { url: string }).url }; // as `baton serve --json` tells it
}

async function startRun(url: string): Promise<string> {
  const definition = { definition: DEFINITION };
  const post = { method: 'POST', headers: JSON_HEADERS } as const;
  await ask(url, { ...post, path: '/api/v1/definitions', body: definition });
  const started = await ask(url, { ...post, path: '/api/v1/workflows', body: { type: 'bench' } });
  return (JSON.parse(started.text) as { workflow_id: string }).workflow_id; // by the API's description
}

async function cpuSeconds(url: string): Promise<number> {
  const { text } = await ask(url, { method: 'GET', path: '/metrics' });
  return Number(/^process_cpu_seconds_total (\S+)$/m.exec(text)?.[1]);
}

async function measure(
  url: string,
  wire: Wire,
  runId: string,
  { rate, seconds }: { readonly rate: number; readonly seconds: number },
) {
  const send = async (): Promise<void> => {
    const { status, text } = await ask(url, wire);
    if (status !== 200 || !text.includes(runId)) throw new Error(`${status}: ${text}`);
  };
  await openLoop(rate, WARM_UP_SECONDS, send);
  const cpuBefore = await cpuSeconds(url);
  const takenMs = await openLoop(rate, seconds, send);
  const cpuMs = ((await cpuSeconds(url)) - cpuBefore) * 1_000;
  return {
    p50: percentile(takenMs, 0.5),
    p99: percentile(takenMs, 0.99),
    max: Math.max(...takenMs),
    cpuMsEach: cpuMs / takenMs.length,
  };
}

/** p99 of a server that does nothing, asked meanwhile: what the machine itself takes at this moment. */
async function measureBare(seconds: number): Promise<number> {
  const bare = createServer((_, response) => response.end('ok'));
  await once(bare.listen(0, '127.0.0.1'), 'listening');
  const { port } = bare.address() as AddressInfo; // it listens on a port
  const wire = { method: 'GET', path: '/' } as const;
  const takenMs = await openLoop(BARE_RATE, seconds, async () => {
    await ask(`http://127.0.0.1:${port}`, wire);
  });
  bare.close();
  return percentile(takenMs, 0.99);
}

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '10' },
  },
});
const load = { rate: Number(values.rate), seconds: Number(values.seconds) };
const folder = mkdtempSync(join(tmpdir(), 'baton-bench-http-'));
const { child, url } = await startServer(folder);
try {
  const runId = await startRun(url);
  console.log(`get_workflow over HTTP on loopback, ${load.rate}/s for ${load.seconds} s each`);
  for (const [name, wire] of Object.entries(await wiresFor(url, runId))) {
    const [{ p50, p99, max, cpuMsEach }, bareMs] = await Promise.all([
      measure(url, wire, runId, load),
      measureBare(load.seconds + WARM_UP_SECONDS),
    ]);
    const isBusy = bareMs > BAR_P99_MS / 4;
    const verdict =
      p99 < BAR_P99_MS ? 'met' : isBusy ? 'no verdict: the machine is busy' : 'MISSED';
    if (verdict === 'MISSED') process.exitCode = 1;
    console.log(
      `${name.padEnd(26)} p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms (bar < ${BAR_P99_MS} ms ${verdict}), max ${max.toFixed(1)} ms, CPU of the server ${cpuMsEach.toFixed(2)} ms each; p99 of a bare node:http server meanwhile ${bareMs.toFixed(2)} ms`,
    );
  }
} finally {
  agent.destroy();
  child.kill('SIGTERM');
  await once(child, 'exit');
  rmSync(folder, { recursive: true, force: true });
}
