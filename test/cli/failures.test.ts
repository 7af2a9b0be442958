import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT_MEANINGS } from '../../src/cli/exit-codes.ts';
import { BatonFixture } from './run-baton.ts';

const BAD = `
name: bad
steps:
  - { id: a, uses: shel, with: {} }
  - { id: b, uses: transform, needs: [c], with: {} }
`;
const GATE = 'name: gate\nsteps:\n  - { id: go, uses: signal, with: { name: go } }\n';

const baton = new BatonFixture();
let run = '';
beforeAll(async () => {
  baton.write('bad.yaml', BAD);
  baton.write('gate.yaml', GATE);
  baton.write('other.yaml', GATE.replace('gate', 'other'));
  run = (await baton.run(['run', 'gate.yaml'])).stdout.trim();
  expect(run).not.toBe('');
});
afterAll(() => baton.dispose());

test('the help documents every exit code', async () => {
  const { stdout, code } = await baton.run(['--help']);
  for (const [exit, meaning] of Object.entries(EXIT_MEANINGS))
    expect(stdout).toMatch(new RegExp(`^ +${exit} {2}${meaning}$`, 'm'));
  expect(code).toBe(0);
});

describe('bad input', () => {
  const cases: [string, string[], number, RegExp][] = [
    ['no command', [], 2, /error: no command was given/],
    ['an unknown command', ['lst'], 2, /unknown command 'lst' .*list/],
    ['an unknown option', ['list', '--jsn'], 2, /unknown option '--jsn' .*--json/],
    ['a missing argument', ['show'], 2, /missing required argument 'RUN'/],
    ['one argument too many', ['show', 'abcd', 'efgh'], 2, /too many arguments/],
    ['a short run id', ['show', 'abc'], 2, /too short.*\n.*\nNext: baton list shows/],
    ['an unknown run', ['explain', 'zzzz'], 3, /no run id begins with "zzzz"/],
    ['an unknown whole id', ['watch', 'z'.repeat(26)], 3, /no run id begins with "z{26}"/],
    [
      'an unknown workflow',
      ['run', 'gat'],
      3,
      /No workflow "gat".*\n.*\nNext: Did you mean "gate"/,
    ],
    ['a file that is not there', ['run', './no.yaml'], 3, /\.\/no\.yaml cannot be read/],
    ['an invalid definition', ['register', 'bad.yaml'], 2, /did you mean "shell"/],
    ['input that is no object', ['run', 'gate', '--input', '[1]'], 2, /neither a JSON object/],
    ['a bad status', ['list', '--status', 'runing'], 2, /status: /],
    ['a bad limit', ['list', '--limit', '99'], 2, /limit: /],
    ['a bad cursor', ['list', '--cursor', 'x'], 2, /cursor/],
    ['a bad setting', ['worker', '--concurrency', '0'], 2, /option --concurrency: worker\.conc/],
    ['a bad toolset', ['mcp', '--toolsets', 'rusn'], 2, /did you mean "runs".*\n.*\n.*--toolsets/],
    ['a bad configuration file', ['list', '--config', 'no.yaml'], 2, /no\.yaml: cannot be read/],
  ];
  test.each(cases)('%s', async (_name, args, exitCode, message) => {
    const { stdout, stderr, code } = await baton.run(args);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/\nNothing was changed\.\nNext: .+\n$/);
    expect(code).toBe(exitCode);
  });

  test('names every mistake of a definition, and registers nothing', async () => {
    const { stderr } = await baton.run(['run', 'bad.yaml', '--watch']);
    expect(stderr).toContain('steps[0].uses: ');
    expect(stderr).toContain('steps[1].needs[0]: ');
    expect((await baton.run(['run', 'bad'])).code).toBe(3);
  });

  test('a signal needs a name or a decision, not both', async () => {
    for (const args of [[], ['go', '--step', 'go'], ['--step', 'go'], ['--resolve', 'retry']])
      expect((await baton.run(['signal', run, ...args])).code).toBe(2);
    const refused = await baton.run(['signal', run, '--step', 'go', '--resolve', 'retry']);
    expect(refused.stderr).toContain('Nothing was changed.');
    expect(refused.code).toBe(4);
  });

  test('with --json the error is one document on standard error', async () => {
    const { stdout, stderr, code } = await baton.run(['cancel', 'zzzz', '--json']);
    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'unknown_run', changed: 'nothing' },
      exit_code: 3,
    });
    expect(code).toBe(3);
  });

  test('a run is found by its whole id, and a long one by its first 26 letters and more', async () => {
    const args = ['run', 'gate', '--json', '--idempotency-key', 'long-id'];
    const { stdout } = await baton.run(args);
    const id = /"run_id":"(\w{32})"/.exec(stdout)?.[1] ?? 'no long id';
    for (const given of [id, id.slice(0, 26), id.slice(0, 31)])
      expect((await baton.json(['show', given])).value).toMatchObject({ run_id: id });
  });

  test('a whole id is found though another run’s id begins with it', async () => {
    const db = new DatabaseSync(baton.store);
    db.prepare(
      `INSERT INTO runs (tenant, run_id, version, name, status, started_at)
       VALUES ('default', ?, 1, 'gate', 'running', 1)`,
    ).run(`${run}xxxxxx`);
    const { value } = await baton.json(['show', run]);
    db.prepare('DELETE FROM runs WHERE run_id = ?').run(`${run}xxxxxx`);
    db.close();
    expect(value).toMatchObject({ run_id: run });
  });

  test('a prefix that fits two runs is refused, with both', async () => {
    const db = new DatabaseSync(baton.store);
    const ids = ['abcdxxxxxxxxxxxxxxxxxxxxx1', 'abcdxxxxxxxxxxxxxxxxxxxxx2'];
    for (const id of ids)
      db.prepare(
        `INSERT INTO runs (tenant, run_id, version, name, status, started_at)
         VALUES ('default', ?, 1, 'gate', 'running', 1)`,
      ).run(id);
    const { stderr, code } = await baton.run(['pause', 'abcd']);
    for (const id of ids) db.prepare('DELETE FROM runs WHERE run_id = ?').run(id);
    db.close();
    for (const id of ids) expect(stderr).toContain(id);
    expect(code).toBe(2);
  });
});

describe('a store that cannot be used', () => {
  async function refusal(path: string): Promise<string> {
    const before = readFileSync(path);
    const { stderr, code } = await baton.run(['list', '--store', path]);
    expect(code).toBe(5);
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(stderr.match(/Nothing was changed/g)).toHaveLength(1);
    const doctor = await baton.run(['doctor', '--store', path]);
    expect(doctor.stdout).toMatch(/^PROBLEM +store: /m);
    expect(doctor.code).toBe(8);
    expect(readFileSync(path).equals(before)).toBe(true);
    return stderr;
  }

  test('because it is no database', async () => {
    const said = await refusal(baton.write('text.db', 'not a database'.repeat(100)));
    expect(said).toMatch(/damaged.*keep a copy of the file.*baton doctor/);
    expect(said).not.toMatch(/delet|remov/i);
  });

  test('because it is of a newer Baton', async () => {
    const path = baton.write('newer.db', '');
    await baton.run(['list', '--store', path]);
    const db = new DatabaseSync(path);
    db.exec('PRAGMA user_version = 999; PRAGMA wal_checkpoint(TRUNCATE)');
    db.close();
    expect(await refusal(path)).toContain('newer Baton');
  });

  test('because it is another program’s', async () => {
    const path = baton.write('foreign.db', '');
    const db = new DatabaseSync(path);
    db.exec('CREATE TABLE t (x)');
    db.close();
    expect(await refusal(path)).toContain('another program');
  });

  test('because it is locked: it waits, then says so, and works afterwards', async () => {
    const db = new DatabaseSync(baton.store);
    db.exec('BEGIN IMMEDIATE');
    const { stderr, code } = await baton.run(['register', 'other.yaml']);
    expect(stderr).toMatch(
      /error: The store did not answer: .*locked; nothing was written in this try/,
    );
    expect(stderr).toContain('It is unknown whether anything was changed.');
    expect(code).toBe(5);
    db.exec('ROLLBACK');
    db.close();
    expect((await baton.json(['register', 'other.yaml'])).value).toMatchObject({ created: true });
    expect((await baton.run(['show', run])).stdout).toContain('gate@1 running');
  });

  test('because its place is no directory', async () => {
    const file = baton.write('file', '');
    const { stderr, code } = await baton.run(['list', '--store', `${file}/x.db`]);
    expect(stderr).toContain('Nothing was changed.');
    expect(code).toBe(5);
  });
});

describe('doctor', () => {
  test('is content with a place where nothing is yet, and makes nothing there', async () => {
    const fresh = new BatonFixture();
    const { stdout, code } = await fresh.run(['doctor']);
    expect(stdout).toContain('(will be made)');
    expect(stdout).toContain('No problems.');
    expect(code).toBe(0);
    expect(() => readFileSync(fresh.store)).toThrow('ENOENT');
    fresh.dispose();
  });

  test('finds missing programs and mistakes in the configuration', async () => {
    const missing = await baton.run(['doctor', '--json'], { BATON_SHELL_ALLOW: 'no-such-binary' });
    expect(JSON.parse(missing.stdout)).toMatchObject({ problems: 1 });
    expect(missing.stdout).toContain('no executable');
    expect(missing.code).toBe(8);
    const gone = await baton.run(['doctor'], {
      BATON_WORKSPACE: 'no-such-workspace',
      BATON_SHELL_ROOTS: `${baton.cwd},no-such-root,gate.yaml`,
    });
    expect(gone.stdout).toMatch(/^PROBLEM +workspace: .*no-such-workspace.*BATON_WORKSPACE/m);
    expect(gone.stdout).toMatch(/^PROBLEM +shell.roots: .*no-such-root.*BATON_SHELL_ROOTS/m);
    expect(gone.stdout).toMatch(/^PROBLEM +shell.roots: .*gate.yaml is no directory/m);
    expect(gone.stdout).toContain('3 problem(s).');
    expect(gone.code).toBe(8);
    const broken = await baton.run(['doctor'], { BATON_LOG_LEVEL: 'loud' });
    expect(broken.stdout).toMatch(/^PROBLEM +configuration: environment BATON_LOG_LEVEL/m);
    expect(broken.code).toBe(8);
  });
});

test('a reader that goes away is no error', async () => {
  const history = baton.start(['history', run]);
  history.child.stdout?.destroy();
  const { code, stderr } = await history.ended;
  expect(stderr).toBe('');
  expect(code).toBe(0);
});
