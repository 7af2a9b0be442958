import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  missingRedis,
  redisSuite,
  startRedisServer,
  type RedisServer,
} from '../support/redis-server.ts';
import { BatonFixture, type Running } from './run-baton.ts';

/** Waits until the test allows it to end, and says that it has begun. */
const WAITING = `
name: waiting
steps:
  - id: a
    uses: shell
    with: { command: [sh, -c, "echo begun >> begun; until [ -e go ]; do sleep 0.05; done; echo over"] }
`;
/** Its first attempt blocks the event loop for good; the next one knows. */
const SPINNING = `
import { existsSync, writeFileSync } from 'node:fs';
import { defineHandler } from 'baton-mcp/handler';
export default defineHandler({
  kind: 'acme.spin',
  run({ workspace }) {
    if (existsSync(workspace + '/spun')) return 'went on';
    writeFileSync(workspace + '/spun', '');
    for (;;);
  },
});`;
const SHORT_LEASE = { BATON_WORKER_LEASE_DURATION_MS: '1000' };

interface StartLine {
  readonly worker_id: string;
  readonly pid: number;
}

/** What the worker process that started as the nth said of itself. */
async function startLine(worker: Running, nth: number): Promise<StartLine> {
  const [, line = ''] = await worker.stdoutMatching(
    new RegExp(`^(?:.*\\n){${nth - 1}}(\\{"worker_id".*)\\n`),
  );
  return JSON.parse(line) as StartLine; // its documented form
}

const startLines = (stdout: string): number => stdout.match(/"worker_id"/g)?.length ?? 0;

let baton: BatonFixture;
beforeAll(() => {
  baton = new BatonFixture();
});
afterAll(() => baton.dispose());
const fresh = (): BatonFixture => {
  baton.dispose();
  baton = new BatonFixture();
  baton.write('w.yaml', WAITING);
  return baton;
};
const workers: number[] = [];
afterEach(() => {
  // Each is the head of a process group of its own, which a test that fails may leave behind.
  for (const pid of workers.splice(0))
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended, as it should.
    }
});

async function started(worker: Running, nth: number): Promise<StartLine> {
  const line = await startLine(worker, nth);
  workers.push(line.pid);
  return line;
}

function supervised(options: readonly string[] = [], environment: Record<string, string> = {}) {
  const args = ['worker', '--json', '--watchdog', '3s', ...options];
  return baton.start(args, { ...SHORT_LEASE, ...environment });
}

async function begin(options: readonly string[] = []): Promise<string> {
  const { stdout, stderr } = await baton.run(['run', 'w.yaml', ...options]);
  expect(stderr).toBe('');
  return stdout.trim();
}

/** Resolves when the step of a run is in the hands of a worker. */
const taken = (): Promise<void> => baton.fileMatching('begun', /begun/);

describe('a worker that is watched', { timeout: 60_000 }, () => {
  test('is replaced when it stands still and when it is killed, and its steps go on', async () => {
    fresh();
    const worker = supervised();
    const first = await started(worker, 1);
    const runId = await begin();
    await taken();
    process.kill(first.pid, 'SIGSTOP');
    const second = await started(worker, 2);
    process.kill(second.pid, 'SIGKILL');
    await started(worker, 3);
    baton.write('go', '');
    expect((await baton.run(['watch', runId])).code).toBe(0);
    worker.child.kill('SIGTERM');
    const { code, stderr, stdout } = await worker.ended;
    expect(code).toBe(0);
    expect(stderr).toContain(`${first.worker_id} gave no sign of life and was killed`);
    expect(stderr).toContain(`${second.worker_id} ended by SIGKILL`);
    expect(startLines(stdout)).toBe(3);
  });

  test('is replaced when a handler blocks its event loop', async () => {
    fresh();
    baton.write('spin.js', SPINNING);
    baton.write('spin.yaml', 'name: spin\nsteps: [{ id: a, uses: acme.spin }]\n');
    const handlers = { BATON_HANDLERS: 'spin.js' };
    const worker = supervised([], handlers);
    await started(worker, 1);
    const run = await baton.run(['run', 'spin.yaml', '--json'], handlers);
    const { run_id: runId } = JSON.parse(run.stdout) as { run_id: string }; // its documented form
    await started(worker, 2);
    expect((await baton.run(['watch', runId])).code).toBe(0);
    worker.child.kill('SIGTERM');
    const { code, stderr } = await worker.ended;
    expect(code).toBe(0);
    expect(stderr).toContain('cpuBound: true');
  });

  test('drains and ends when its supervisor is killed', async () => {
    fresh();
    const worker = supervised();
    await started(worker, 1);
    const runId = await begin();
    await taken();
    worker.child.kill('SIGKILL');
    baton.write('go', '');
    // Its end closes the output that it shares with its supervisor.
    expect((await worker.ended).signal).toBe('SIGKILL');
    const { value } = await baton.json(['show', runId]);
    expect(value).toMatchObject({ status: 'completed', steps: [{ attempts: 1 }] });
  });

  test('ends at once at the second signal', async () => {
    fresh();
    const worker = baton.start(['worker'], SHORT_LEASE);
    await worker.stdoutMatching(/worker .* serves/);
    await begin();
    await taken();
    worker.child.kill('SIGINT');
    await worker.stdoutMatching(/stopping: running steps get 10 s/);
    worker.child.kill('SIGINT');
    expect((await worker.ended).code).toBe(130);
  });

  test('is not started again with a configuration that has become unusable', async () => {
    fresh();
    const handlers = baton.write('h.js', SPINNING);
    const worker = supervised(['--processes', '2'], { BATON_HANDLERS: handlers });
    const [first] = [await started(worker, 1), await started(worker, 2)];
    baton.write('h.js', 'export default {');
    process.kill(first.pid, 'SIGKILL');
    const { code, stderr } = await worker.ended;
    expect(stderr).toMatch(/h\.js: cannot be loaded/);
    expect(code).toBe(2);
  });

  test.each([
    ['--processes', '0'],
    ['--processes', 'many'],
    ['--watchdog', '10ms'],
    ['--watchdog', 'soon'],
  ])('is told that %s %s makes no sense', async (option, value) => {
    const { stderr, code } = await baton.run(['worker', option, value]);
    expect(stderr).toContain(`error: ${option}: `);
    expect(code).toBe(2);
  });
});

describe.skipIf(missingRedis !== undefined)(redisSuite('a watched worker on Redis'), () => {
  let server: RedisServer | undefined;
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server?.remove());

  test(
    'is left alone while Redis is away, for longer than its watch waits',
    { timeout: 60_000 },
    async () => {
      fresh();
      const store = ['--store', server?.url ?? ''];
      const worker = supervised(store);
      const { worker_id } = await started(worker, 1);
      // Another, on a file, shows when a silence has been too long.
      const other = supervised();
      const { pid } = await started(other, 1);
      const runId = await begin(store);
      await taken();
      await server?.stop('SIGKILL');
      process.kill(pid, 'SIGSTOP');
      await started(other, 2);
      await server?.restart();
      baton.write('go', '');
      expect((await baton.run(['watch', runId, ...store])).code).toBe(0);
      for (const { child } of [worker, other]) child.kill('SIGTERM');
      const { code, stdout, stderr } = await worker.ended;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(startLines(stdout)).toBe(1);
      expect(stdout).toContain(worker_id);
      expect((await other.ended).code).toBe(0);
    },
  );
});
