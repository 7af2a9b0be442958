import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  missingRedis,
  redisSuite,
  startRedisServer,
  type RedisServer,
} from '../support/redis-server.ts';
import { BatonFixture } from './run-baton.ts';

const HELLO = `
name: hello
steps:
  - { id: a, uses: shell, with: { command: [sh, -c, "echo one"] } }
  - { id: b, uses: shell, needs: [a], with: { command: [sh, -c, "echo two"] } }
`;

const baton = new BatonFixture();
afterAll(() => baton.dispose());

describe.skipIf(missingRedis !== undefined)(redisSuite('with a store in Redis'), () => {
  let server: RedisServer | undefined;
  const store = (query = ''): string[] => ['--store', `${server?.url ?? ''}${query}`];

  beforeAll(async () => {
    server = await startRedisServer();
    baton.write('hello.yaml', HELLO);
  });
  afterAll(() => server?.remove());

  test('the doctor looks at the server first and makes no store', async () => {
    const { stdout, code } = await baton.run(['doctor', ...store('?prefix=none')]);
    expect(stdout).toMatch(/redis: 7\..* at unix:.*appendfsync everysec/);
    expect(stdout).toMatch(
      /redis: topology single, prefix none, maxmemory-policy noeviction, appendonly yes/,
    );
    expect(stdout).toContain('(will be made)');
    expect(await server?.command('EXISTS', 'none:{0}:meta')).toBe(0);
    expect(code).toBe(0);
  });

  test('a worker runs what another process starts, and the doctor sees both', async () => {
    const worker = baton.start(['worker', ...store()]);
    await worker.stdoutMatching(/serves shell:sh/);
    const run = (await baton.run(['run', 'hello.yaml', ...store()])).stdout.trim().slice(0, 26);
    const watched = await baton.run(['watch', run, ...store()]);
    expect(watched.code).toBe(0);
    const { stdout } = await baton.run(['doctor', ...store()]);
    expect(stdout).toMatch(/store: unix:.*schema 4, sound/);
    expect(stdout).toMatch(/workers: .*shell:sh/);
    worker.child.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
  });

  test('the doctor names what is wrong with the server', async () => {
    await server?.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    const { stdout, code } = await baton.run(['doctor', ...store()]);
    expect(stdout).toMatch(/PROBLEM {2}store: .*maxmemory-policy noeviction/);
    expect(code).toBe(8);
    await server?.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await server?.command('CONFIG', 'SET', 'appendonly', 'no');
    const volatile = await baton.run(['doctor', ...store()]);
    expect(volatile.stdout).toMatch(/PROBLEM {2}redis: .*appendonly yes/);
    // As get_health tells it.
    expect(volatile.stdout).toMatch(/note {5}health: .*appendonly yes/);
    const worker = baton.start(['worker', ...store()]);
    await worker.stdoutMatching(/serves shell:sh/);
    worker.child.kill('SIGTERM');
    expect((await worker.ended).stderr).toMatch(
      /The store: a restart of Redis loses .*appendonly yes/,
    );
  });
});

test('a password in the URL is never shown', async () => {
  const url = 'redis://me:s3cret@127.0.0.1:1/0';
  for (const args of [['list'], ['doctor'], ['config'], ['config', '--json'], ['worker']]) {
    const { stdout, stderr } = await baton.run([...args, '--store', url]);
    expect(stdout + stderr).toContain('127.0.0.1:1');
    expect(stdout + stderr).not.toContain('s3cret');
  }
});

describe('a server that cannot be used is told with the setting that names it', () => {
  const url = 'redis://127.0.0.1:1/0';

  test.each([
    ['--store', ['--store', url], {}, 'option --store'],
    ['BATON_STORE', [], { BATON_STORE: url }, 'environment BATON_STORE'],
    ['the file', ['--config', 'away.yaml'], { BATON_STORE: '' }, 'away.yaml:1'],
  ])('%s', async (_, args, environment, origin) => {
    baton.write('away.yaml', `store: ${url}\n`);
    for (const command of ['list', 'doctor']) {
      const { stdout, stderr, code } = await baton.run([command, ...args], environment);
      expect(stdout + stderr).toMatch(
        /127\.0\.0\.1:1.*ECONNREFUSED.*the setting store comes from /,
      );
      expect(stdout + stderr).toContain(origin);
      expect(code).toBe(command === 'list' ? 5 : 8);
    }
  });

  test('an agent that starts the server reads it on standard error, and nothing on the protocol', async () => {
    const { stdout, stderr, code } = await baton.run(['mcp'], { BATON_STORE: url });
    expect(stderr).toMatch(/ECONNREFUSED.*the setting store comes from environment BATON_STORE/);
    expect(stderr).toMatch(
      /Nothing was changed\.\nNext: Start the server, or change the setting store; baton doctor/,
    );
    expect([stdout, code]).toEqual(['', 5]);
  });
});

test('no form of a URL gives a password away', async () => {
  const urls = [
    'redis+sentinel://me:s3cret@127.0.0.1:1,127.0.0.1:2/mine?sentinel-password=s3cret',
    'redis+cluster://me:s3cret@127.0.0.1:1,127.0.0.1:2',
    'redis://me:s3cret/s3cret@127.0.0.1:1',
    'redis://s3cret@127.0.0.1:1',
  ];
  for (const url of urls)
    for (const command of [['list'], ['config', '--json'], ['connect', 'opencode', '--dry-run']]) {
      const { stdout, stderr } = await baton.run([...command, '--store', url]);
      expect(stdout + stderr).not.toBe('');
      expect(stdout + stderr).not.toContain('s3cret');
    }
});

test('connect writes a URL as it is, and none with a password', async () => {
  const connect = ['connect', 'opencode', '--dry-run', '--store'];
  const plain = await baton.run([...connect, 'redis://127.0.0.1:1/0']);
  expect(plain.stdout).toContain('"redis://127.0.0.1:1/0"');
  const secret = await baton.run([...connect, 'redis://me:s3cret@127.0.0.1:1/0']);
  expect(secret.stderr).toContain('is not written into the configuration of a client');
  expect(secret.stdout + secret.stderr).not.toContain('s3cret');
  expect(secret.code).toBe(2);
});

test('a URL of another kind is no file name', async () => {
  const { stderr, code } = await baton.run(['list', '--store', 'https://example.org/x']);
  expect(stderr).toContain('is neither a path nor the URL of a Redis server');
  expect(code).toBe(2);
});
