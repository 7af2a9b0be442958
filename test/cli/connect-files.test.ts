import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CliFailure, type FailureReport } from '../../src/cli/cli-failure.ts';
import { findClient } from '../../src/cli/connect/clients.ts';
import { connect, type ConnectRequest } from '../../src/cli/connect/connect.ts';
import type { ConfigurationFile } from '../../src/cli/connect/configuration-file.ts';
import { replaceFile } from '../../src/cli/connect/replace-file.ts';

const NOW = new Date('2026-11-21T20:00:00.123Z');

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'baton-connect-'));
});
afterEach(() => rmSync(home, { recursive: true }));

function request(client: string, overrides: Partial<ConnectRequest> = {}): ConnectRequest {
  return {
    client: findClient(client),
    scope: 'user',
    name: 'baton',
    wanted: {
      kind: 'stdio',
      command: '/bin/node',
      main: '/opt/baton/dist/src/main.js',
      options: {},
      env: {},
    },
    surroundings: { home, cwd: home, environment: {}, platform: 'linux' },
    isDryRun: false,
    now: NOW,
    ...overrides,
  };
}

async function failureOf(work: Promise<unknown>): Promise<FailureReport> {
  const error: unknown = await work.then(
    () => new Error('it should have failed'),
    (reason: unknown) => reason,
  );
  if (error instanceof CliFailure) return error.report;
  throw error;
}

function write(name: string, content: string | Buffer): string {
  const path = join(home, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

describe('a file that its client could not read either stays, byte for byte', () => {
  const deep = '{"a":'.repeat(20_000);
  const cases: [string, string | Buffer, RegExp][] = [
    ['a comma too many', '{\n  "a": 1,\n}', /settings\.json:3:1: it is not valid JSON; .*comma/],
    ['something behind its end', '{}\n  x', /:2:3: it is not valid JSON/],
    ['a bracket too few', '{"mcpServers": {\n', /:2:1: it is not valid JSON; close brace expected/],
    ['a list at the top', '[]', /:1:1: the top must be an object, and is an array/],
    [
      'a list of servers',
      '{ "mcpServers": [] }',
      /:1:17: mcpServers must be an object, and is an array/,
    ],
    ['no servers', '{ "mcpServers": null }', /mcpServers must be an object, and is null/],
    [
      'a server that is text',
      '{"mcpServers":{"baton":"x"}}',
      /mcpServers\.baton must be an object, and is a string/,
    ],
    ['variables as a list', '{"mcpServers":{"baton":{"env":[]}}}', /baton\.env must be an object/],
    ['a key twice', '{ "a": 1,\n  "\\u0061": 2 }', /:2:3: the key "a" stands twice .*line 1/],
    [
      'two sections',
      '{"mcpServers":{},"mcpServers":{}}',
      /:1:18: the key "mcpServers" stands twice/,
    ],
    ['bytes of Latin-1', Buffer.from('{\n "é": 1}', 'latin1'), /:2:3: the file is not UTF-8/],
    ['UTF-16', Buffer.from('\uFEFF{}', 'utf16le'), /:1:1: the file is UTF-16/],
    ['too many levels', deep, /it is (?:nested too deeply|not valid JSON)/],
  ];
  test.each(cases)('%s', async (_name, content, message) => {
    const file = write('.gemini/settings.json', content);
    const before = readFileSync(file);
    for (const overrides of [{}, { wanted: undefined }, { isDryRun: true }]) {
      const failure = await failureOf(connect(request('gemini', overrides)));
      expect(failure.message).toMatch(message);
      expect(failure).toMatchObject({ changed: 'nothing', exitCode: 2 });
    }
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(readdirSync(dirname(file))).toEqual(['settings.json']);
  });

  test('comments for a client that takes none', async () => {
    write('.cline/data/settings/cline_mcp_settings.json', '{ // c\n}');
    const { message } = await failureOf(connect(request('cline')));
    expect(message).toMatch(/:1:3: it is not valid JSON; .*takes no comments/);
  });

  test('any of several files of OpenCode', async () => {
    write('.config/opencode/opencode.json', '{}');
    write('.config/opencode/config.json', '{');
    const { message } = await failureOf(connect(request('opencode')));
    expect(message).toContain('config.json:1:2: it is not valid JSON');
  });
});

describe('what is no file to write to', () => {
  test('a directory', async () => {
    mkdirSync(join(home, '.claude.json'));
    const { message, exitCode } = await failureOf(connect(request('claude')));
    expect(message).toMatch(/\.claude\.json is a directory/);
    expect(exitCode).toBe(2);
  });

  test('a place below a file', async () => {
    write('.cursor', '');
    const { message } = await failureOf(connect(request('cursor')));
    expect(message).toMatch(/mcp\.json cannot be read: ENOTDIR/);
  });

  test('a link that leads to itself', async () => {
    symlinkSync('.claude.json', join(home, '.claude.json'));
    const { message } = await failureOf(connect(request('claude')));
    expect(message).toMatch(/\.claude\.json is a symbolic link that leads in a circle/);
  });

  test('a file that is read-only, but only when it would have to change', async () => {
    const file = write('.claude.json', '{}');
    chmodSync(file, 0o444);
    for (const isDryRun of [false, true]) {
      const { message } = await failureOf(connect(request('claude', { isDryRun })));
      expect(message).toMatch(/\.claude\.json is read-only/);
    }
    expect(await connect(request('claude', { wanted: undefined }))).toMatchObject({
      changed: false,
    });
    expect(readdirSync(home)).toEqual(['.claude.json']);
  });
});

describe('replaceFile', () => {
  const options = { now: NOW, newFileMode: 0o600 };

  test('edits anew what another program wrote meanwhile', async () => {
    const file = write('f', 'old');
    let asked = 0;
    const { backup = '' } =
      (await replaceFile(file, {
        ...options,
        edit: ({ found }) => {
          asked += 1;
          // Between reading and replacing, like a client that saves its state.
          if (asked === 1) writeFileSync(file, 'newer');
          return Buffer.from(`${String(found?.bytes)}+`);
        },
      })) ?? {};
    expect(readFileSync(file, 'utf8')).toBe('newer+');
    expect(readFileSync(backup, 'utf8')).toBe('newer');
    expect(readdirSync(home).sort()).toEqual(['f', 'f.baton-backup-20261121T200000Z']);
  });

  test('gives up on a file that never rests, and leaves what is there', async () => {
    const file = write('f', 'old');
    let asked = 0;
    const failure = await failureOf(
      replaceFile(file, {
        ...options,
        edit: () => {
          asked += 1;
          writeFileSync(file, `by another ${asked}`);
          return Buffer.from('mine');
        },
      }),
    );
    expect(failure).toMatchObject({ changed: 'nothing', exitCode: 2 });
    expect(readFileSync(file, 'utf8')).toBe(`by another ${asked}`);
    expect(readdirSync(home)).toEqual(['f']);
  });

  test('notices that the file is gone, or has come', async () => {
    const file = write('f', 'old');
    const seen: (string | undefined)[] = [];
    const edit =
      (change: () => void) =>
      ({ found }: ConfigurationFile) => {
        seen.push(found?.bytes.toString());
        if (seen.length === 1) change();
        return Buffer.from('mine');
      };
    expect(await replaceFile(file, { ...options, edit: edit(() => rmSync(file)) })).toEqual({});
    expect(seen).toEqual(['old', undefined]);
    rmSync(file);
    seen.length = 0;
    await replaceFile(file, { ...options, edit: edit(() => writeFileSync(file, 'come')) });
    expect(seen).toEqual([undefined, 'come']);
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  test('writes nothing when there turns out to be nothing to do', async () => {
    const file = write('f', 'old');
    expect(await replaceFile(file, { ...options, edit: () => undefined })).toBeUndefined();
    expect(readdirSync(home)).toEqual(['f']);
  });

  test('never overwrites an older backup', async () => {
    const file = write('f', '1');
    for (const text of ['2', '3'])
      await replaceFile(file, { ...options, edit: () => Buffer.from(text) });
    const backup = `${file}.baton-backup-20261121T200000Z`;
    expect(readFileSync(backup, 'utf8')).toBe('1');
    expect(readFileSync(`${backup}-2`, 'utf8')).toBe('2');
  });

  test('waits until another Baton is done', async () => {
    const file = write('f', 'old');
    const lock = write('f.baton-lock', '');
    const waiting = replaceFile(file, {
      ...options,
      edit: ({ found }) => Buffer.from(`${String(found?.bytes)}+`),
    });
    writeFileSync(file, 'of the other');
    rmSync(lock);
    await waiting;
    expect(readFileSync(file, 'utf8')).toBe('of the other+');
  });

  test('says what is in the way when the other never ends, and leaves it', async () => {
    const file = write('f', 'old');
    const lock = write('f.baton-lock', '');
    const edit = (): Buffer => Buffer.from('mine');
    const failure = await failureOf(replaceFile(file, { ...options, edit, lockWaitMs: 0 }));
    expect(failure.message).toContain(`${lock} is there`);
    expect(existsSync(lock)).toBe(true);
    expect(readFileSync(file, 'utf8')).toBe('old');
  });

  test('says so when nothing can be written there', async () => {
    const file = write(`${'d/'.repeat(3)}f`, 'old');
    const name = join(dirname(file), 'x'.repeat(250));
    writeFileSync(name, 'old');
    const failure = await failureOf(replaceFile(name, { ...options, edit: () => Buffer.from('') }));
    expect(failure.message).toMatch(/cannot be written: ENAMETOOLONG/);
    expect(readFileSync(name, 'utf8')).toBe('old');
  });
});
