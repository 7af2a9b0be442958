import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BatonFixture, type Ended } from '../cli/run-baton.ts';
import { freePort } from '../support/redis-cluster.ts';
import {
  missingRedis,
  redisSuite,
  startRedisServer,
  type RedisServer,
} from '../support/redis-server.ts';

const QUICKSTART = new URL('../../scripts/quickstart/quickstart.ts', import.meta.url).pathname;
/** It checks this repository, on a machine that has other work too. */
const RUN_MS = 300_000;

const baton = new BatonFixture();
afterAll(() => baton.dispose());

async function quickstart(...args: readonly string[]): Promise<Ended> {
  const { child, ended } = baton.startScript(QUICKSTART, args);
  child.stdin?.end();
  return ended;
}

describe.skipIf(missingRedis !== undefined)(redisSuite('the quickstart on a Redis'), () => {
  let server: RedisServer | undefined;
  let url = '';

  beforeAll(async () => {
    const port = await freePort();
    const settings = ['--bind', '127.0.0.1', '--port', String(port)];
    server = await startRedisServer(...settings, '--requirepass', 's3cret');
    url = `redis://default:s3cret@127.0.0.1:${port}?prefix=quick`;
  });
  afterAll(() => server?.remove());

  test(
    'survives its kill -9 twice in a row, and the runs stay',
    async () => {
      const runIds: string[] = [];
      for (const time of ['first', 'second']) {
        const { stdout, stderr, code } = await quickstart('--store', url);
        expect([time, code, stderr]).toEqual([time, 0, '']);
        expect(stdout).toMatch(/killed server \d+ with SIGKILL/);
        expect(stdout).toContain('run again: none');
        expect(stdout).toMatch(/npx baton connect opencode/);
        expect(stdout).not.toContain('s3cret');
        runIds.push(/started run (\w+)/.exec(stdout)?.[1] ?? '');
      }
      const listed = await baton.run(['list', '--json', '--store', url]);
      for (const runId of runIds) expect(listed.stdout).toContain(runId);
      expect(new Set(runIds).size).toBe(2);
    },
    2 * RUN_MS,
  );
});

test('the quickstart says without a stack what it cannot use', async () => {
  const away = await quickstart('--store', 'redis://me:s3cret@127.0.0.1:1');
  expect(away.stderr).toMatch(/ECONNREFUSED[^]*quickstart failed: the server did not start\n$/);
  expect(away.stderr + away.stdout).not.toMatch(/s3cret| {4}at /);
  expect(away.code).toBe(1);
  const wrong = await quickstart('--stor', 'x');
  expect(wrong.stderr).toMatch(/^quickstart failed: Unknown option '--stor'.*--store PATH/);
  expect(wrong.code).toBe(1);
});
