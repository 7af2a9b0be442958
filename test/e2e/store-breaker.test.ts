import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BatonFixture, type Running } from '../cli/run-baton.ts';
import {
  missingRedis,
  redisSuite,
  startRedisServer,
  type RedisServer,
} from '../support/redis-server.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
/** Waits for a file of the workspace, so that it is in the middle of its work for as long as the test wants. */
const HOLD = `
name: hold
steps:
  - id: long
    uses: shell
    with: { command: [sh, -c, 'echo x >> begun-$0; until [ -e go-$0 ]; do sleep 0.05; done', '\${{ input.n }}'] }
`;
const LEASE_MS = 8_000;

interface Answer {
  readonly isError: boolean;
  readonly text: string;
  readonly structured: Record<string, unknown>;
  readonly tookMs: number;
}

describe.skipIf(missingRedis !== undefined)(redisSuite('a server and a worker over Redis'), () => {
  const fixture = new BatonFixture();
  let redis: RedisServer;
  let worker: Running;
  const client = new Client({ name: 'breaker', version: '1' });

  const environment = (): Record<string, string> => ({
    BATON_STORE: redis.url,
    BATON_WORKER_LEASE_DURATION_MS: String(LEASE_MS),
  });

  const call = async (name: string, args: Record<string, unknown>): Promise<Answer> => {
    const beganAtMs = performance.now();
    const result = await client.callTool({ name, arguments: args });
    const texts = result.content.flatMap((part) => (part.type === 'text' ? part.text : []));
    return {
      isError: result.isError === true,
      text: texts.join('\n'),
      structured: (result.structuredContent ?? {}) as Record<string, unknown>, // an object by the specification
      tookMs: performance.now() - beganAtMs,
    };
  };

  /** Starts a run whose step the worker holds until `release`. */
  const hold = async (n: string): Promise<string> => {
    const { structured } = await call('start_workflow', { workflow: 'hold', input: { n } });
    const run = String(structured['run_id']);
    await untilRunning(run);
    return run;
  };

  const untilRunning = async (run: string): Promise<void> => {
    for (;;) {
      const { text } = await call('explain_workflow', { run_id: run });
      if (text.includes('running')) return;
    }
  };

  /**
   * One call waits in vain; the others do not. Before it there may be one under which the connection was lost: that tells
   * at once, and says nothing yet of whether the store comes back.
   */
  const expectRefusals = async (run: string): Promise<void> => {
    let first = await call('get_workflow', { run_id: run });
    while (first.tookMs < 1_000 && !first.text.includes('has not answered since')) {
      expect(first.text).toContain('store_unavailable');
      first = await call('get_workflow', { run_id: run });
    }
    expect(first.text).toContain('store_unavailable');
    expect(first.tookMs).toBeLessThan(5_000);
    for (const [tool, args] of [
      ['get_workflow', { run_id: run }],
      ['start_workflow', { workflow: 'hold', input: { n: 'never' } }],
      ['cancel_workflow', { run_id: run }],
      ['list_workflows', {}],
    ] as const) {
      const next = await call(tool, args);
      expect(next.text).toMatch(/store_unavailable[^]*nothing was sent/);
      expect(next.text).toContain('Nothing was changed.');
      expect(next.tookMs).toBeLessThan(1_000);
    }
    const health = await call('get_health', {});
    expect(health.tookMs).toBeLessThan(1_000);
    expect(health.structured).toMatchObject({
      status: 'degraded',
      breakers: [{ target: 'store' }],
    });
  };

  const expectBack = async (run: string, n: string): Promise<void> => {
    const backAtMs = performance.now();
    let seen = await call('get_workflow', { run_id: run });
    while (seen.isError) seen = await call('get_workflow', { run_id: run });
    expect(performance.now() - backAtMs).toBeLessThan(2_000);
    fixture.write(`go-${n}`, '');
    const ended = await call('await_workflow', { run_id: run, wait_seconds: 20 });
    expect(ended.structured).toMatchObject({ finished: true, status: 'completed' });
    // Its lease was kept: nobody began the step a second time.
    expect(readFileSync(join(fixture.cwd, `begun-${n}`), 'utf8')).toBe('x\n');
    const { breakers } = (await call('get_health', {})).structured;
    expect(breakers).toEqual([]);
  };

  beforeAll(async () => {
    redis = await startRedisServer();
    worker = fixture.start(['worker'], environment());
    await worker.stdoutMatching(/serves shell:sh/);
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [MAIN, 'mcp', '--no-worker', '--toolsets', 'all'],
      cwd: fixture.cwd,
      env: { PATH: process.env['PATH'] ?? '', HOME: fixture.root, ...environment() },
      stderr: 'inherit',
    });
    await client.connect(transport);
    await call('register_workflow', { definition: HOLD });
  });

  afterAll(async () => {
    await client.close();
    worker.child.kill('SIGTERM');
    await worker.ended;
    await redis.remove();
    fixture.dispose();
  });

  test('refuse at once while Redis hangs, keep their leases, and go on when it goes on', async () => {
    const run = await hold('stopped');
    process.kill(redis.pid, 'SIGSTOP');
    try {
      await expectRefusals(run);
    } finally {
      process.kill(redis.pid, 'SIGCONT');
    }
    await expectBack(run, 'stopped');
  });

  test('refuse at once while Redis is dead, keep their leases, and go on when it is back', async () => {
    const run = await hold('killed');
    await redis.stop('SIGKILL');
    await expectRefusals(run);
    await redis.restart();
    await expectBack(run, 'killed');
  });
});
