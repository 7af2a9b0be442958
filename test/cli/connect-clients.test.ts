import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { batonCommand } from '../../src/cli/connect/baton-command.ts';
import { CLIENTS, findClient } from '../../src/cli/connect/clients.ts';
import type { Scope } from '../../src/cli/connect/connect-client.ts';
import { newEntry } from '../../src/cli/connect/entry-change.ts';
import type { Environment } from '../../src/config/process-environment.ts';

function filesOf(
  client: string,
  environment: Environment,
  platform: NodeJS.Platform = 'linux',
  scope: Scope = 'user',
): readonly string[] | undefined {
  const surroundings = { home: '/h', cwd: '/c', environment, platform };
  return findClient(client).files(scope, surroundings)?.candidates;
}

describe('where a configuration is', () => {
  const cases: [string, Environment, string][] = [
    ['opencode', { XDG_CONFIG_HOME: '/x' }, '/x/opencode/opencode.jsonc'],
    ['opencode', { XDG_CONFIG_HOME: 'relative' }, '/h/.config/opencode/opencode.jsonc'],
    ['gemini', { GEMINI_CLI_HOME: '/g' }, '/g/.gemini/settings.json'],
    ['gemini', { GEMINI_CLI_HOME: '' }, '/h/.gemini/settings.json'],
    ['cline', { CLINE_MCP_SETTINGS_PATH: '/s.json', CLINE_DIR: '/d' }, '/s.json'],
    [
      'cline',
      { CLINE_DATA_DIR: '/data', CLINE_DIR: '/d' },
      '/data/settings/cline_mcp_settings.json',
    ],
    ['cline', { CLINE_DIR: 'd' }, '/c/d/data/settings/cline_mcp_settings.json'],
    ['claude', { CLAUDE_CONFIG_DIR: '/k' }, '/k/.claude.json'],
    ['vscode', { VSCODE_PORTABLE: '/p' }, '/p/user-data/User/mcp.json'],
    ['vscode', { VSCODE_APPDATA: '/a' }, '/a/Code/User/mcp.json'],
    ['vscode', { XDG_CONFIG_HOME: '/x' }, '/x/Code/User/mcp.json'],
  ];
  test.each(cases)('of %s with %j', (client, environment, path) => {
    expect(filesOf(client, environment)?.[0]).toBe(path);
  });

  test('of VS Code on other systems', () => {
    expect(filesOf('vscode', {}, 'darwin')).toEqual([
      '/h/Library/Application Support/Code/User/mcp.json',
    ]);
    expect(filesOf('vscode', { APPDATA: '/roaming' }, 'win32')).toEqual([
      '/roaming/Code/User/mcp.json',
    ]);
  });

  test('every client makes one of the files that it reads', () => {
    const surroundings = { home: '/h', cwd: '/c', environment: {}, platform: 'linux' } as const;
    for (const client of CLIENTS)
      for (const scope of ['user', 'project'] as const) {
        const files = client.files(scope, surroundings);
        if (files === undefined) expect(client.id).toBe('cline');
        else expect(files.candidates).toContain(files.made);
      }
  });
});

test('a server over HTTP has a shape for every client, without a command', () => {
  const url = 'http://127.0.0.1:1/mcp';
  const headers = { 'X-Team': 'a' };
  const server = { kind: 'http', url, headers, keepsHeaders: true } as const;
  const entries = CLIENTS.map((client) => [client.id, newEntry(client.entry(server))]);
  expect(Object.fromEntries(entries)).toEqual({
    opencode: { type: 'remote', url, headers, oauth: false, enabled: true, timeout: 60_000 },
    gemini: { httpUrl: url, headers, trust: false },
    cline: { type: 'streamableHttp', url, headers, timeout: 60, disabled: false },
    claude: { type: 'http', url, headers },
    vscode: { type: 'http', url, headers },
    cursor: { url, headers },
  });
});

describe('the Node that is registered', () => {
  let root = '';
  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'baton-nodes-')));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function make(directory: string, target?: string): string {
    mkdirSync(join(root, directory), { recursive: true });
    const path = join(root, directory, 'node');
    if (target === undefined) writeFileSync(path, '');
    else symlinkSync(target, path);
    return path;
  }

  function nodeFor(execPath: string, ...directories: string[]): string {
    const PATH = directories.map((directory) => join(root, directory)).join(':');
    const surroundings = {
      home: root,
      cwd: root,
      environment: { PATH },
      platform: 'linux',
    } as const;
    return batonCommand(surroundings, execPath, '/opt/baton/dist/src/cli').node;
  }

  test('is the link on PATH that an upgrade keeps', () => {
    const cellar = make('Cellar/node/24.1.0/bin');
    const link = make('bin', cellar);
    expect(nodeFor(cellar, 'missing', 'bin', 'Cellar/node/24.1.0/bin')).toBe(link);
  });

  test('is the one that runs, where PATH has another first or only a shim', () => {
    const running = make('nvm/v24/bin');
    make('usr/bin');
    make('shims');
    expect(nodeFor(running, 'usr/bin', 'shims')).toBe(running);
    expect(nodeFor(running)).toBe(running);
  });

  test('is no link that goes with its shell or its npm run', () => {
    const running = make('fnm/v24/bin');
    make('fnm_multishells/7_1/bin', running);
    make('project/node_modules/.bin', running);
    expect(nodeFor(running, 'project/node_modules/.bin', 'fnm_multishells/7_1/bin')).toBe(running);
  });
});

describe('the Baton that is registered', () => {
  const surroundings = { home: '/h', cwd: '/c', environment: {}, platform: 'linux' } as const;

  test('is its own entry file', () => {
    const { main, notes } = batonCommand(surroundings, '/n', '/opt/baton/dist/src/cli');
    expect(main).toBe('/opt/baton/dist/src/main.ts');
    expect(notes).toEqual([]);
  });

  test('is remarked upon where it may not stay', () => {
    const notesFor = (directory: string) => batonCommand(surroundings, '/n', directory).notes;
    expect(notesFor('/h/.npm/_npx/1a/node_modules/baton-mcp/dist/src/cli')).toEqual([
      expect.stringContaining('npm install -g baton-mcp'),
    ]);
    expect(notesFor('/h/g/.pnpm/baton-mcp@1/node_modules/baton-mcp/dist/src/cli')).toEqual([
      expect.stringContaining('connect again'),
    ]);
  });
});
