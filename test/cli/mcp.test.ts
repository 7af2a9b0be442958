import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { BatonFixture, type Running } from './run-baton.ts';

const SLOW = `
name: slow
steps:
  - { id: wait, uses: shell, with: { command: [sh, -c, 'echo $$ > pid; exec sleep 600'] } }
`;

const baton = new BatonFixture();
beforeAll(() => {
  baton.write('slow.yaml', SLOW);
});
afterAll(() => baton.dispose());

/** Started and past the handshake, by the raw protocol: the test wants the process itself. */
async function ready(
  args: readonly string[] = [],
  environment?: Record<string, string>,
): Promise<Running> {
  const server = baton.start(['mcp', ...args], environment);
  server.child.stdin?.write(
    `${JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: {
        protocolVersion: '2025-06-18',
        capabilities: {},
        clientInfo: { name: 'test', version: '1' },
      },
    })}\n`,
  );
  await server.stdoutMatching(/"serverInfo"/);
  return server;
}

describe('baton mcp', () => {
  test('ends with 0 when standard input ends, and has printed nothing but the protocol', async () => {
    const server = await ready();
    server.child.stdin?.end();
    const { code, stdout, stderr } = await server.ended;
    expect(code).toBe(0);
    expect(stderr).toBe('');
    for (const line of stdout.trimEnd().split('\n'))
      expect(JSON.parse(line)).toMatchObject({ jsonrpc: '2.0' });
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s', async (signal) => {
    const server = await ready(['--no-worker']);
    server.child.kill(signal);
    expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
  });

  test('ends when the reader of its standard output is gone', async () => {
    const server = await ready();
    server.child.stdout?.destroy();
    server.child.stdin?.write('{"jsonrpc":"2.0","id":2,"method":"ping"}\n');
    expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
  });

  test('says why it ends when a message is longer than it takes, and ends with 1', async () => {
    const server = await ready();
    server.child.stdin?.on('error', () => undefined);
    // Not a byte more: only further input would otherwise wake the process to its end.
    server.child.stdin?.write('x'.repeat(10 * 2 ** 20 + 1));
    const { code, stderr } = await server.ended;
    expect(stderr).toMatch(/^error: baton mcp gave the connection up: .*10485760 bytes.*\n$/);
    expect(code).toBe(1);
  });

  test('goes on after a message that is no JSON-RPC, and then ends with 0 as usual', async () => {
    const server = await ready();
    server.child.stdin?.write('{"no":"message"}\n{"jsonrpc":"2.0","id":7,"method":"ping"}\n');
    await server.stdoutMatching(/"id":7/);
    server.child.stdin?.end();
    expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
  });

  test('stops a running step when standard input ends, and leaves it to the next worker', async () => {
    const server = await ready();
    const { stdout } = await baton.run(['run', 'slow.yaml']);
    const run = stdout.trim();
    const watch = baton.start(['watch', run]);
    await watch.stdoutMatching(/queued wait/);
    await leasedBy(run);
    server.child.stdin?.end();
    expect((await server.ended).code).toBe(0);
    const { value } = await baton.json(['show', run]);
    expect(value).toMatchObject({
      status: 'running',
      steps: [{ status: 'no_worker', attempts: 1 }],
    });
    watch.child.kill('SIGTERM');
    await baton.run(['cancel', run]);
  });

  test('offers the tools of its options to the official client', async () => {
    const names = async (...args: string[]): Promise<string[]> => {
      const transport = new StdioClientTransport({
        command: process.execPath,
        args: [new URL('../../src/main.ts', import.meta.url).pathname, 'mcp', ...args],
        env: { PATH: process.env.PATH ?? '', HOME: baton.root, BATON_STORE: baton.store },
        cwd: baton.cwd,
      });
      const client = new Client({ name: 'test', version: '1' });
      await client.connect(transport);
      const { tools } = await client.listTools();
      await client.close();
      return tools.map(({ name }) => name);
    };
    const [core, all, reading] = await Promise.all([
      names(),
      names('--toolsets', 'all'),
      names('--toolsets', 'all', '--read-only'),
    ]);
    expect(core).toContain('start_workflow');
    expect(core).not.toContain('pause_workflow');
    expect(all).toContain('pause_workflow');
    expect(reading).toContain('get_workflow');
    expect(reading).not.toContain('start_workflow');
  });
});

/** Asks, process by process, until the step runs: each question takes its time, so that nothing has to sleep. */
async function leasedBy(run: string): Promise<void> {
  for (let asked = 0; asked < 50; asked += 1) {
    const { value } = await baton.json(['show', run]);
    const { steps } = value as { steps: { status: string }[] };
    if (steps.some(({ status }) => status === 'running')) return;
  }
  throw new Error('the step never ran');
}
