import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configTable } from '../scripts/config-table.ts';
import { resolvePath } from '../src/config/config-layer.ts';
import { ConfigError, loadConfig, type ConfigRequest, type LoadedConfig } from '../src/config.ts';
import { SETTINGS } from '../src/config/settings.ts';
import { shownStore } from '../src/config/store-place.ts';

let root = '';
let home = '';
let project = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'baton-config-'));
  home = join(root, 'home');
  project = join(root, 'project');
  mkdirSync(home);
  mkdirSync(join(project, '.git'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

function load(request: Partial<ConfigRequest> = {}): Promise<LoadedConfig> {
  return loadConfig({ cwd: project, home, environment: {}, ...request });
}

function write(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

async function problemsOf(request: Partial<ConfigRequest> = {}): Promise<string> {
  const outcome = await load(request).catch((error: unknown) => error);
  if (!(outcome instanceof ConfigError)) throw new Error('expected a ConfigError');
  return outcome.message;
}

const option = (value: string | boolean) => ({ option: '--test', value });

describe('defaults', () => {
  test('are complete, absolute and frozen', async () => {
    const { config, origins, files } = await load();
    expect(config).toEqual({
      store: join(home, '.local/share/baton/baton.db'),
      workspace: project,
      shell: { allow: [], roots: [], env: [], outputLimitBytes: 65_536 },
      handlers: [],
      worker: { concurrency: 'auto', leaseDurationMs: 10_000 },
      retention: { days: 30, runs: 10_000 },
      expressions: { env: [] },
      log: { level: 'info', file: join(home, '.local/state/baton/baton.log') },
      mcp: { toolsets: ['core'], askUser: false, readOnly: false, maxWaitSeconds: 25 },
      http: {
        host: '127.0.0.1',
        port: 7_420,
        auth: 'auto',
        keyFile: '',
        allowedHosts: [],
        allowedOrigins: [],
        maxBodyBytes: 4_194_304,
        ratePerSecond: 500,
        maxRequests: 1_000,
        maxStreams: 1_000,
        graceMs: 10_000,
      },
    });
    expect(new Set(origins.values())).toEqual(new Set(['default']));
    expect(files).toEqual([]);
    expect(Object.isFrozen(config.shell.allow)).toBe(true);
    expect(Object.isFrozen(config)).toBe(true);
  });

  test('follow the XDG variables, but not relative ones', async () => {
    const environment = { XDG_DATA_HOME: '/data', XDG_STATE_HOME: 'relative' };
    const { config } = await load({ environment });
    expect(config.store).toBe('/data/baton/baton.db');
    expect(config.log.file).toBe(join(home, '.local/state/baton/baton.log'));
  });
});

describe('precedence', () => {
  test('is default < project < user < environment < option, and each value says where it came from', async () => {
    const inProject = write(
      join(project, 'baton.config.yaml'),
      'worker: { leaseDurationMs: 2000, concurrency: 2 }\nretention:\n  days: 2\n  runs: 2\n',
    );
    const inHome = write(
      join(home, '.config/baton/config.json'),
      '{\n  "worker": { "concurrency": 3 },\n  "retention": { "days": 3, "runs": 3 }\n}',
    );
    const { config, origins, files } = await load({
      environment: { BATON_RETENTION_DAYS: '4', BATON_RETENTION_RUNS: '4' },
      options: { 'retention.runs': option('5') },
    });
    expect([config.worker.leaseDurationMs, config.worker.concurrency]).toEqual([2_000, 3]);
    expect(config.retention).toEqual({ days: 4, runs: 5 });
    expect(origins.get('worker.leaseDurationMs')).toBe(`${inProject}:1`);
    expect(origins.get('worker.concurrency')).toBe(`${inHome}:2`);
    expect(origins.get('retention.days')).toBe('environment BATON_RETENTION_DAYS');
    expect(origins.get('retention.runs')).toBe('option --test');
    expect(files).toEqual([inProject, inHome]);
  });

  test('a list replaces the whole list of a weaker source', async () => {
    write(join(project, 'baton.config.yaml'), 'shell: { allow: [git, npm] }');
    const { config } = await load({ environment: { BATON_SHELL_ALLOW: ' node , /bin/ls ,' } });
    expect(config.shell.allow).toEqual(['node', '/bin/ls']);
  });

  test('empty variables and empty keys say nothing', async () => {
    write(join(project, 'baton.config.yaml'), 'store:\nshell:\nlog: { level: debug }\n');
    const { config } = await load({ environment: { BATON_LOG_LEVEL: '', BATON_STORE: '  ' } });
    expect(config.log.level).toBe('debug');
    expect(config.store).toBe(join(home, '.local/share/baton/baton.db'));
  });

  test('a file named by option is read instead of the others', async () => {
    write(join(project, 'baton.config.yaml'), 'retention: { days: 7 }');
    write(join(project, 'sub/other.yaml'), 'retention: { runs: 8 }');
    const { config, files } = await load({ configFile: 'sub/other.yaml' });
    expect(config.retention).toEqual({ days: 30, runs: 8 });
    expect(files).toEqual([join(project, 'sub/other.yaml')]);
  });
});

describe('values', () => {
  test('paths are relative to their file, else to the current directory; ~ is the home directory', async () => {
    write(join(project, 'baton.config.yaml'), 'store: ./data/b.db\nshell: { roots: [../x, ~/y] }');
    const cwd = join(project, 'deep');
    mkdirSync(cwd);
    const { config } = await load({ cwd, options: { workspace: option('ws') } });
    expect(config.store).toBe(join(project, 'data/b.db'));
    expect(config.shell.roots).toEqual([join(root, 'x'), join(home, 'y')]);
    expect(config.workspace).toBe(join(cwd, 'ws'));
  });

  test('text becomes numbers and flags', async () => {
    const environment = { BATON_WORKER_CONCURRENCY: '7', BATON_MCP_READ_ONLY: '1' };
    const { config } = await load({ environment });
    expect(config.worker.concurrency).toBe(7);
    expect(config.mcp.readOnly).toBe(true);
  });

  test.each([
    ['BATON_WORKER_CONCURRENCY', 'many', /worker\.concurrency: .*"auto".*1 to 256/],
    ['BATON_WORKER_CONCURRENCY', '257', /worker\.concurrency/],
    ['BATON_WORKER_LEASE_DURATION_MS', '10', /worker\.leaseDurationMs/],
    ['BATON_MCP_READ_ONLY', 'maybe', /mcp\.readOnly/],
    ['BATON_MCP_MAX_WAIT_SECONDS', '26', /mcp\.maxWaitSeconds/],
    ['BATON_LOG_LEVEL', 'loud', /log\.level/],
    ['BATON_HTTP_PORT', '65536', /http\.port: must be a whole number from 0 to 65535$/m],
    ['BATON_HTTP_PORT', '1.5', /http\.port: must be a whole number from 0 to 65535$/m],
    ['BATON_RETENTION_DAYS', '0', /retention\.days: must be a whole number from 1 to 36500$/m],
    ['BATON_HTTP_AUTH', 'none', /http\.auth/],
    ['BATON_HTTP_ALLOWED_HOSTS', 'ok.example,a:80', /http\.allowedHosts: \[1\] is no host name/],
    ['BATON_HTTP_ALLOWED_ORIGINS', '*', /http\.allowedOrigins: \[0\] is no origin/],
    [
      'BATON_HTTP_ALLOWED_ORIGINS',
      'https://a.example/',
      /http\.allowedOrigins: \[0\] is no origin/,
    ],
    ['BATON_SHELL_ALLOW', 'ok,./no', /shell\.allow: \[1\] .*program nor an absolute path/],
    ['BATON_EXPRESSIONS_ENV', 'A-B', /expressions\.env: \[0\]/],
  ])('%s=%s is refused by name', async (name, value, message) => {
    const text = await problemsOf({ environment: { [name]: value } });
    expect(text).toMatch(message);
    expect(text).toContain(`environment ${name}: `);
  });
});

describe('mistakes', () => {
  test('are told all at once, with file, line and nearest name', async () => {
    const file = write(
      join(project, 'baton.config.yaml'),
      'stor: x\nshell:\n  alow: [git]\n  __proto__: { a: 1 }\nworker: 3\nretention: { days: 0 }\n',
    );
    const lines = (await problemsOf({ environment: { BATON_LOG_LEVEL: 'x' } })).split('\n');
    expect(lines).toEqual([
      `${file}:1: unknown key "stor"; did you mean "store"?`,
      `${file}:3: unknown key "shell.alow"; did you mean "shell.allow"?`,
      `${file}:4: unknown key "shell.__proto__"`,
      `${file}:5: worker must hold keys`,
      expect.stringContaining(`${file}:6: retention.days: `),
      expect.stringContaining('environment BATON_LOG_LEVEL: log.level: '),
    ]);
  });

  test('of a weaker source are not hidden by a stronger one', async () => {
    write(join(project, 'baton.config.yaml'), 'retention: { days: x }');
    const text = await problemsOf({ environment: { BATON_RETENTION_DAYS: '4' } });
    expect(text).toContain('retention.days');
  });

  test('a file that is no YAML, holds no keys, repeats one, or is not there, is named', async () => {
    const file = write(join(project, 'baton.config.yaml'), 'a: [1\nb: 2');
    expect(await problemsOf()).toContain(`${file}:`);
    write(file, '- a');
    expect(await problemsOf()).toContain(`${file}:1: the file must hold keys`);
    write(file, 'store: a\nstore: b');
    expect(await problemsOf()).toContain(`${file}:2: `);
    expect(await problemsOf({ configFile: 'gone.yaml' })).toContain('gone.yaml: cannot be read');
  });

  test('two files in one place are refused', async () => {
    write(join(project, 'baton.config.yaml'), '');
    write(join(project, 'baton.config.json'), '{}');
    expect(await problemsOf()).toContain('both baton.config.yaml and baton.config.json are there');
  });

  test('an unknown variable is a warning with the nearest name; what Baton tells commands is not', async () => {
    const environment = { BATON_SHEL_ALLOW: 'git', BATON_RUN_ID: 'x', OTHER: 'y' };
    const { warnings, config } = await load({ environment });
    expect(config.shell.allow).toEqual([]);
    expect(warnings).toEqual([
      {
        place: 'environment BATON_SHEL_ALLOW',
        message: 'no configuration key has this variable; it is ignored',
        suggestion: 'BATON_SHELL_ALLOW',
      },
    ]);
  });
});

describe('the project file', () => {
  test('is searched up to the root of the checkout and not above', async () => {
    write(join(root, 'baton.config.yaml'), 'retention: { days: 9 }');
    const cwd = join(project, 'a/b');
    mkdirSync(cwd, { recursive: true });
    expect((await load({ cwd })).config.retention.days).toBe(30);
    write(join(project, 'baton.config.json'), '{"retention":{"days":8}}');
    expect((await load({ cwd })).config.retention.days).toBe(8);
  });

  test('outside a checkout is searched up to the home directory, elsewhere only in place', async () => {
    write(join(home, 'baton.config.yaml'), 'retention: { days: 9 }');
    write(join(root, 'baton.config.yaml'), 'retention: { days: 10 }');
    const inHome = join(home, 'a/b');
    const elsewhere = join(root, 'c/d');
    mkdirSync(inHome, { recursive: true });
    mkdirSync(elsewhere, { recursive: true });
    expect((await load({ cwd: inHome })).config.retention.days).toBe(9);
    expect((await load({ cwd: elsewhere })).config.retention.days).toBe(30);
  });
});

describe('the setting store', () => {
  test.each([
    ...['127.0.0.1:6379', 'localhost:6379', ':6379', '[::1]:6379/0', 'me:s3cret@localhost:6379'],
    ...['redis:/127.0.0.1:6379', 'redis:localhost', 'unix:/redis.sock', 'https:/example.org'],
    'redis//me:s3cret@host',
  ])('%s is no file name', async (store) => {
    const problems = await problemsOf({ environment: { BATON_STORE: store } });
    expect(problems).toMatch(/neither a path nor the URL.*for example redis:\/\/127\.0\.0\.1:6379/);
    expect(problems).not.toContain('s3cret');
  });

  test.each(['./localhost:6379', 'a:b', 'dir/x:1', '~/x:1', '/x:1'])('%s is one', async (store) => {
    const { config } = await load({ environment: { BATON_STORE: store } });
    expect(config.store).toBe(resolvePath(store, project, home));
  });

  test.each([
    ['redis://me:s3cret@host', 'redis://me:***@host'],
    ['redis://:s3cret@host', 'redis://:***@host'],
    ['redis://s3cret@host', 'redis://***@host'],
    ['redis://s3cret:@host', 'redis://***@host'],
    ['redis://s3cret=@host', 'redis://***@host'],
    ['redis://s3cret/s3cret@host', 'redis://***@host'],
    ['redis://me:1/s3cret@host', 'redis://***@host'],
    ['redis://s3cret?s3cret@host', 'redis://***@host'],
    ['redis://me:s3cret/s3cret@host', 'redis://me:***@host'],
    ['unix://s3cret@localhost/x', 'unix://***@localhost/x'],
    ['redis+cluster://s3cret@a:1,b:2', 'redis+cluster://***@a:1,b:2'],
    [
      'redis://h/m?prefix=s&sentinel-%70assword=s3cret',
      'redis://h/m?prefix=s&sentinel-%70assword=***',
    ],
  ])('%s is shown without its password', (store, shown) => {
    expect(shownStore(store)).toBe(shown);
  });

  test.each(['unix:///x@y.sock', 'rediss://host:1/0?ca=/x@y.pem', 'redis+cluster://a:1,b:2'])(
    '%s is shown as it is',
    (store) => {
      expect(shownStore(store)).toBe(store);
    },
  );
});

test('the table for the README names every key with its variable', () => {
  const rows = configTable().split('\n').slice(2);
  expect(rows).toHaveLength(SETTINGS.length);
  expect(rows[0]).toBe(
    '| `store` | `~/.local/share/baton/baton.db` (`XDG_DATA_HOME`) | `BATON_STORE` | Database file with every run, definition and history, or the URL of a Redis server |',
  );
  expect(configTable()).toContain(
    '| `worker.leaseDurationMs` | `10000` | `BATON_WORKER_LEASE_DURATION_MS` |',
  );
});
