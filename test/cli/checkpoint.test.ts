import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BatonFixture } from './run-baton.ts';

const baton = new BatonFixture();
let run: string;
let commit: string;

function git(cwd: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.org'];
  const env = { PATH: process.env['PATH'], HOME: baton.root };
  return execFileSync('git', [...identity, ...args], { cwd, env, encoding: 'utf8' }).trim();
}

beforeAll(async () => {
  baton.write(
    'gate.yaml',
    'name: gate\nsteps:\n  - { id: go, uses: signal, with: { name: go } }\n',
  );
  run = (await baton.run(['run', 'gate.yaml'])).stdout.trim();
  const app = join(baton.cwd, 'app');
  git(baton.cwd, 'init', '--quiet', '--initial-branch=main', app);
  baton.write('app/a.txt', 'one\n');
  git(app, 'add', '-A');
  git(app, 'commit', '--quiet', '-m', 'first');
  commit = git(app, 'rev-parse', 'HEAD');
  // Neither the text nor the diff of it is UTF-8.
  writeFileSync(join(app, 'a.txt'), Buffer.from([0x6f, 0xff, 0x0a]));
  baton.write('app/new.txt', 'new\n');
});
afterAll(() => baton.dispose());

/** The id on the first line. */
async function checkpoint(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await baton.run(['checkpoint', run, ...args]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout.split(/[\n ]/)[0] ?? '';
}

describe('checkpoint', () => {
  test('names a point; without a repository it reads none', async () => {
    const { value, code } = await baton.json(['checkpoint', run.slice(0, 12), 'plain']);
    expect(code).toBe(0);
    expect(value).toMatchObject({ run_id: run, name: 'plain' });
    expect(value).not.toHaveProperty('repository');
  });

  test('keeps what git apply brings back, byte for byte', async () => {
    const args = ['before', '--note', 'all\ngood', '--repository', 'app'];
    const id = await checkpoint(...args, '--idempotency-key', 'k');
    expect(id).toMatch(new RegExp(`^${run}@\\d+$`));
    expect(await checkpoint(...args, '--idempotency-key', 'k')).toBe(id);

    const clone = join(baton.root, 'clone');
    git(baton.root, 'clone', '--quiet', join(baton.cwd, 'app'), clone);
    const file = join(baton.root, 'changes.diff');
    const main = join(import.meta.dirname, '../../src/main.ts');
    const short = `${run.slice(0, 12)}@${id.split('@')[1] ?? ''}`;
    const diff = execFileSync(process.execPath, [main, 'checkpoints', '--diff', short], {
      cwd: baton.cwd,
      env: { PATH: process.env['PATH'], HOME: baton.root, BATON_STORE: baton.store },
    });
    writeFileSync(file, diff);
    git(clone, 'apply', '--binary', file);
    for (const name of ['a.txt', 'new.txt'])
      expect(readFileSync(join(clone, name))).toEqual(readFileSync(join(baton.cwd, 'app', name)));
  });

  test('--repository alone means the current directory', async () => {
    const { stderr, code } = await baton.run(['checkpoint', run, 'here', '--repository']);
    expect(stderr).toMatch(
      /No checkpoint was made: .*project is in no git repository\.\nNothing was/,
    );
    expect(code).toBe(2);
  });

  test('refuses a repository outside the workspace', async () => {
    mkdirSync(join(baton.root, 'elsewhere'));
    const args = ['checkpoint', run, 'x', '--repository', '../elsewhere'];
    const { stderr, code } = await baton.run(args);
    expect(stderr).toMatch(/elsewhere lies outside the workspace .*"shell\.roots"/);
    expect(code).toBe(2);
    const allowed = await baton.run(args, { BATON_SHELL_ROOTS: join(baton.root, 'elsewhere') });
    expect(allowed.stderr).toMatch(/elsewhere is in no git repository/);
  });

  test('of an unknown run ends with 3', async () => {
    expect((await baton.run(['checkpoint', 'nothing-like-it', 'x'])).code).toBe(3);
  });
});

describe('checkpoints', () => {
  test('lists them, with commit and mark', async () => {
    await checkpoint('listed', '--note', 'reached\nit', '--repository', 'app');
    const { stdout, code } = await baton.run(['checkpoints', run]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^checkpoint +workflow +name +made +commit +note\n/);
    const row = `\\n${run}@\\d+ +gate +listed +\\S+Z +${commit.slice(0, 12)}\\+ +reached it\\n`;
    expect(stdout).toMatch(new RegExp(row));
    expect(stdout).toContain('+: with changes that were not committed');
    const { value } = await baton.json(['checkpoints']);
    const { checkpoints } = value as { checkpoints: object[] };
    expect(checkpoints[0]).toMatchObject({
      run_id: run,
      name: 'listed',
      repository: { commit, isDirty: true, diff: { files: 2 } },
    });
  });

  test('--diff of one that keeps none says why, and how to find one', async () => {
    const id = await checkpoint('no-diff');
    const { stdout, stderr, code } = await baton.run(['checkpoints', '--diff', id]);
    expect(stdout).toBe('');
    expect(stderr).toContain('keeps no diff: it was made without a repository.');
    expect(stderr).toContain('Next: baton checkpoints ');
    expect(code).toBe(3);
  });

  test.each([['nothing'], [`${'x'.repeat(5)}@1`]])('--diff %s ends with 3', async (id) => {
    expect((await baton.run(['checkpoints', '--diff', id])).code).toBe(3);
  });

  test('--diff takes no --json', async () => {
    const { stderr, code } = await baton.run(['checkpoints', '--diff', `${run}@2`, '--json']);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'usage' } });
    expect(code).toBe(2);
  });

  test('a store without any says so', async () => {
    const { stdout } = await baton.run(['checkpoints', '--store', join(baton.root, 'new.db')]);
    expect(stdout).toBe('No checkpoints.\n');
  });
});
