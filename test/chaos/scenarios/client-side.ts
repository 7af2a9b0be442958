import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { endProcess, isAlive, untilGone } from '../processes.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

const ROUNDS = 2;
const ANSWER_LIMIT_MS = 20_000;
/** Running steps get 1 s, a handler that does not listen ends after 1.5 s, and the store is closed: with room for a busy machine. */
const END_LIMIT_MS = 8_000;

/** Clients that end in the middle of a line, of an answer, or of a call. */
export const clientSide: Scenario = {
  name: 'client',
  description:
    'half-written stdio line, EPIPE, client gone in mid-call: the server ends, the run is whole',
  stores: ['sqlite', 'redis'],
  play: async (stage, { isQuick }) => {
    for (let round = 0; round < (isQuick ? 1 : ROUNDS); round += 1) {
      await halfLine(stage, `half-${round}`);
      await brokenPipe(stage, `pipe-${round}`);
      await goneInMidCall(stage, `gone-${round}`);
      await garbage(stage, `garbage-${round}`);
    }
  },
};

type Child = ChildProcessByStdio<Writable, Readable, null>;

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'rude', version: '1' },
  },
};

/** A server of its own on the same store, which has answered `initialize`. */
async function open(
  stage: Stage,
  name: string,
): Promise<{ child: Child; lines: AsyncIterator<string> }> {
  const { command, args, environment, folder } = stage.launchOf(name);
  const child = spawn(command, [...args, 'mcp', '--toolsets', 'all'], {
    cwd: folder,
    env: environment,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => undefined); // EPIPE is what this is about
  stage.figures.faults += 1;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.stdin.write(line(INITIALIZE));
  await within(stage, lines.next(), `${name}: no answer to initialize`);
  child.stdin.write(line({ jsonrpc: '2.0', method: 'notifications/initialized' }));
  return { child, lines };
}

function line(message: unknown): string {
  return `${JSON.stringify(message)}\n`;
}

function start(key: string): unknown {
  const args = { workflow: 'chaos-flow', idempotency_key: key };
  const params = { name: 'start_workflow', arguments: args };
  return { jsonrpc: '2.0', id: 1, method: 'tools/call', params };
}

async function within<T>(
  stage: Stage,
  work: Promise<T>,
  complaint: string,
): Promise<T | undefined> {
  const answer = await Promise.race([work, pause(ANSWER_LIMIT_MS, 'late' as const)]);
  if (answer !== 'late') return answer;
  stage.violations.push(complaint);
  return undefined;
}

async function halfLine(stage: Stage, name: string): Promise<void> {
  const { child } = await open(stage, name);
  child.stdin.end(line(start(name)).slice(0, 40));
  await expectEnd(stage, child, name);
}

/** Nobody reads any more: the server finds out when it answers. */
async function brokenPipe(stage: Stage, name: string): Promise<void> {
  const { child } = await open(stage, name);
  child.stdout.destroy();
  child.stdin.write(line(start(name)));
  await pause(stage.random.int(0, 200));
  child.stdin.end();
  await expectEnd(stage, child, name);
  stage.client.repeatStart(name);
}

async function goneInMidCall(stage: Stage, name: string): Promise<void> {
  const { child } = await open(stage, name);
  child.stdin.write(line(start(name)));
  await pause(stage.random.int(0, 30));
  child.stdin.destroy();
  child.stdout.destroy();
  await expectEnd(stage, child, name);
  stage.client.repeatStart(name);
}

/** A line that is no message is not the end of the conversation. */
async function garbage(stage: Stage, name: string): Promise<void> {
  const { child, lines } = await open(stage, name);
  child.stdin.write('{"jsonrpc": "2.0", "id": 9, "meth\n');
  child.stdin.write(line({ jsonrpc: '2.0', id: 10, method: 'tools/list' }));
  for (let isAnswered = false; !isAnswered;) {
    const next = await within(stage, lines.next(), `${name}: no answer after garbage`);
    if (next === undefined || next.done === true) break;
    isAnswered = (JSON.parse(next.value) as { id?: unknown }).id === 10; // of the protocol
  }
  child.stdin.end();
  await expectEnd(stage, child, name);
}

async function expectEnd(stage: Stage, child: Child, name: string): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return;
  if (!(await untilGone(pid, END_LIMIT_MS)))
    stage.violations.push(
      `${name}: the server still ran ${END_LIMIT_MS} ms after its client had gone`,
    );
  if (isAlive(pid)) endProcess(pid);
}
