import { existsSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { BatonFixture } from './run-baton.ts';

const baton = new BatonFixture();
afterAll(() => baton.dispose());

describe('an option without a value, as an unset variable of a script gives it', () => {
  const cases: [string, string[]][] = [
    ['--scopes', ['keys', 'create', 'z']],
    ['--tenant', ['keys', 'create', 'z']],
    ['--expires', ['keys', 'create', 'z']],
    ['--tenant', ['keys', 'list']],
    ['--tenant', ['keys', 'revoke', 'z']],
    ['--host', ['serve']],
    ['--port', ['serve']],
    ['--toolsets', ['serve']],
    ['--store', ['keys', 'create', 'z']],
    ['--config', ['list']],
    ['--queues', ['worker']],
    ['--concurrency', ['worker', '--no-watchdog']],
    ['--processes', ['worker']],
    ['--consumer', ['events']],
    ['--after', ['events']],
    ['--limit', ['list']],
    ['--workflow', ['list']],
    ['--idempotency-key', ['run', 'gate']],
    ['--key-file', ['inbox', '--mine']],
    ['--as', ['inbox']],
    ['--interval', ['top', '--once']],
  ];
  test.each(cases)('%s of %j is refused, and makes nothing', async (option, args) => {
    const given = option === '--key-file' ? [option, ' '] : [option, ''];
    const { stdout, stderr, code } = await baton.run([...args, ...given]);
    expect(stderr).toMatch(
      new RegExp(
        `^error: ${option} is given without a value\nNothing was changed\\.\nNext: .*leave the option out`,
      ),
    );
    expect(stdout).toBe('');
    expect(code).toBe(2);
    expect(existsSync(baton.store)).toBe(false);
  });

  test('a text for people may be empty', async () => {
    baton.write('gate.yaml', 'name: gate\nsteps: [{ id: go, uses: signal, with: { name: go } }]\n');
    const run = (await baton.run(['run', 'gate.yaml'])).stdout.trim();
    expect((await baton.run(['pause', run, '--reason', ''])).code).toBe(0);
    expect((await baton.run(['signal', run, 'go', '--payload', ''])).code).toBe(0);
  });
});

describe('a refused option goes by the name that it has here', () => {
  const cases: [string, string[], string, RegExp][] = [
    [
      'scopes',
      ['keys', 'create', 'z', '--scopes', 'runs:write,runs:raed'],
      '--scopes: "runs:raed" is no scope; did you mean "runs:read"?',
      /runs:read, runs:write, agents:work, approvals:resolve, admin/,
    ],
    ['expires', ['keys', 'create', 'z', '--expires', '900d'], '--expires: ', /keys create --help/],
    [
      'tenant',
      ['keys', 'list', '--tenant', 'A B'],
      '--tenant: must be at most 63',
      /keys list --help/,
    ],
    ['limit', ['list', '--limit', '99'], '--limit: ', /baton list --help/],
    ['consumer', ['events', '--consumer', 'A B'], '--consumer: ', /baton events --help/],
    [
      'idempotency key',
      ['checkpoint', 'RUN', 'x', '--idempotency-key', 'k'.repeat(201)],
      '--idempotency-key: ',
      /baton checkpoint --help/,
    ],
  ];
  test.each(cases)('%s', async (_name, args, message, more) => {
    baton.write('one.yaml', 'name: one\nsteps: [{ id: go, uses: signal, with: { name: go } }]\n');
    const run = args.includes('RUN') ? (await baton.run(['run', 'one.yaml'])).stdout.trim() : '';
    const { stderr, code } = await baton.run(args.map((word) => (word === 'RUN' ? run : word)));
    expect(stderr).toContain(`error: ${message}`);
    expect(stderr).toMatch(more);
    expect(stderr).not.toContain('Possible: name');
    expect(code).toBe(2);
  });
});
