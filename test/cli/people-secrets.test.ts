import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PeopleFixture } from './people-fixture.ts';
import type { Ended } from './run-baton.ts';

const LEAKY = `
name: leaky
steps:
  - { id: told, uses: shell, with: { command: [sh, -c, env] } }
  - { id: seen, uses: transform, with: { is: "\${{ has(env.BATON_OPERATOR_KEY) }}" } }
output: "\${{ steps.seen.output }}"
`;

const baton = new PeopleFixture();
let key = '';
/** The key is nowhere else: not in a file of the test. */
beforeAll(async () => {
  baton.write('leaky.yaml', LEAKY);
  key = (await baton.run(['keys', 'create', 'anna'])).stdout.trim();
  expect(key).toMatch(/^bok_[\w-]{43}$/);
});
afterAll(() => baton.dispose());

const said: string[] = [];
async function run(...args: string[]): Promise<Ended> {
  const ended = await baton.run(args, {
    BATON_OPERATOR_KEY: key,
    BATON_LOG_LEVEL: 'debug',
    // Whoever lets everything through must not let this through.
    BATON_SHELL_ENV: 'BATON_OPERATOR_KEY',
    BATON_EXPRESSIONS_ENV: 'BATON_OPERATOR_KEY',
  });
  said.push(ended.stdout, ended.stderr);
  return ended;
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe('an operator key', () => {
  test('is in no output, no file, no history, whatever is done with it', async () => {
    const gate = await baton.startRun('gate.yaml');
    expect((await run('inbox', '--mine', '--json')).code).toBe(0);
    expect((await run('approve', gate, '--json')).code).toBe(0);
    expect((await run('approve', gate)).code).toBe(4);
    expect((await run('run', 'leaky.yaml', '--watch', '--json')).stdout).toContain('{"is":false}');
    for (const command of ['show', 'history', 'explain']) await run(command, gate, '--json');
    const { stdout: config, stderr } = await run('config', '--json');
    expect(config).not.toContain('operatorKey');
    expect(stderr).toBe('');
    await run('doctor', '--json');
    expect((await run('keys', 'list', '--json')).stdout).toContain('"name":"anna"');
    const texts = filesBelow(baton.root).map((path) => readFileSync(path));
    // What is recorded of the approval is found this way, so the key would be.
    expect(texts.some((text) => text.includes('person:anna'))).toBe(true);
    for (const text of [...texts, ...said.map((one) => Buffer.from(one))]) {
      expect(text.includes(key)).toBe(false);
      expect(text.includes(key.slice(4))).toBe(false);
    }
  });

  test('is not taken from a file of input either', async () => {
    const file = baton.write('input.json', JSON.stringify({ deep: [key] }));
    const { stdout, stderr, code } = await run('run', 'gate.yaml', '--input', `@${file}`);
    rmSync(file);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: --input holds an operator key.*\nNothing was changed\./);
    expect(code).toBe(2);
  });

  test('is not repeated where it was typed in the wrong place, and not recorded', async () => {
    const gate = await baton.startRun('gate.yaml');
    const attempts = [
      ['approve', gate, `--key=${key}`],
      ['approve', gate, key],
      ['checkpoint', gate, key],
      ['checkpoint', gate, 'a', '--note', key],
      ['signal', gate, key],
      ['signal', gate, 'go', '--payload', key],
      ['run', 'gate.yaml', '--input', `a=${key}`],
      ['run', 'gate.yaml', '--idempotency-key', key],
      ['inbox', '--as', key],
      ['connect', 'cursor', '--name', key],
      ['connect', 'cursor', '--env', `A=${key}`],
      ['approve', gate, '--comment', `my key is ${key}`],
      ['report', gate, 'ok', '--complete', JSON.stringify({ key })],
      ['report', gate, 'ok', '--return', '--note', key],
      ['approve', key],
      ['approve', gate, '--key-file', key],
      ['keys', 'create', key],
      ['keys', 'revoke', key],
      ['keys', 'revoke', key, '--json'],
    ];
    for (const args of attempts) {
      const { stdout, stderr, code } = await run(...args);
      expect(code).toBeGreaterThan(1);
      expect(stdout).toBe('');
      expect(stderr).toMatch(/nothing/i);
      expect(stderr).not.toContain(key.slice(4));
    }
    const { stdout } = await baton.run(['show', gate]);
    expect(stdout).toContain('gate@1 running');
    for (const path of filesBelow(baton.root))
      expect(readFileSync(path).includes(key.slice(4))).toBe(false);
  });
});

describe('keys', () => {
  test('create prints the key alone; list and revoke tell all but the key; a revoked one is refused', async () => {
    const created = await baton.run(['keys', 'create', 'bert', '--expires', '12h']);
    expect(created.stdout).toMatch(/^bok_[\w-]{43}\n$/);
    expect(created.stderr).toMatch(/Key (key_\w{10}) of bert, until .* shown this once/);
    const id = /key_\w{10}/.exec(created.stderr)?.[0] ?? '';
    const list = await baton.run(['keys', 'list']);
    expect(list.stdout).toMatch(/^id +name +tenant +scopes +status +created +expires +last used$/m);
    expect(list.stdout).toMatch(
      new RegExp(`^${id} +bert +default +approvals:resolve +active +\\S+ +\\S+ +never$`, 'm'),
    );
    const gate = await baton.startRun('gate.yaml');
    const revoked = await baton.run(['keys', 'revoke', id]);
    expect(revoked.stdout).toMatch(
      new RegExp(`^${id} +bert +default +approvals:resolve +revoked`, 'm'),
    );
    const used = await baton.run(['approve', gate], { BATON_OPERATOR_KEY: created.stdout });
    expect(used.stderr).toMatch(/^error: The operator key is unknown, expired or revoked/);
    expect(used.stderr).toContain('It came from BATON_OPERATOR_KEY.\nNothing was changed.');
    expect(used.code).toBe(4);
    expect((await baton.run(['keys', 'revoke', 'bert'])).stdout).toContain('Nothing had to be');
  });

  test('carry the scopes and the tenant that they are made with; another tenant’s answers nothing here', async () => {
    const args = ['create', 'ci', '--scopes', 'runs:write, runs:read', '--tenant', 'acme'];
    const created = await baton.run(['keys', ...args]);
    expect(created.stdout).toMatch(/^bok_acme_[\w-]{43}\n$/);
    expect(created.stderr).toContain('It is for runs:read, runs:write in the tenant acme.');
    expect(created.stderr).toContain('run on the same workers');
    const list = await baton.run(['keys', 'list', '--tenant', 'acme']);
    expect(list.stdout).toMatch(/ci +acme +runs:read,runs:write +active/);
    expect(list.stdout).not.toContain('default');
    const person = await baton.keyFile('carl', '--tenant', 'acme');
    const gate = await baton.startRun('gate.yaml');
    const answered = await baton.approve(gate, person);
    expect(answered.stderr).toMatch(/^error: The operator key is unknown, expired or revoked/);
    expect(answered.stdout + answered.stderr).not.toContain('bok_');
    expect(answered.code).toBe(4);
    const revoked = await baton.run(['keys', 'revoke', 'ci', '--tenant', 'acme']);
    expect(revoked.stdout).toMatch(/ci +acme +runs:read,runs:write +revoked/);
  });

  test('refuses what is no name, no time, no key', async () => {
    const refusals: [string[], number][] = [
      [['create', ' '], 2],
      [['create', 'anna', '--expires', 'soon'], 2],
      [['create', 'anna', '--expires', '0s'], 2],
      [['create', 'anna', '--scopes', 'everything'], 2],
      [['create', 'anna', '--tenant', 'A/b'], 2],
      [['create'], 2],
      [['revoke', 'nobody'], 3],
      [[], 2],
      [['lst'], 2],
    ];
    for (const [args, exitCode] of refusals) {
      const { stdout, stderr, code } = await baton.run(['keys', ...args]);
      expect(stdout).toBe('');
      expect(stderr).toMatch(/^error: .*\nNothing was changed\.\nNext: /m);
      expect(code).toBe(exitCode);
    }
    const json = await baton.json(['keys', 'create', 'json']);
    expect(json.value).toMatchObject({ name: 'json', status: 'active' });
  });
});
