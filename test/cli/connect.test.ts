import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  MAIN,
  NODE,
  COMMAND,
  baton,
  inHome,
  write,
  backupsOf,
  connect,
  answer,
} from './connect-fixture.ts';

describe('a client that has no configuration yet', () => {
  const stdio = { type: 'stdio', ...COMMAND };
  const cases: [string, string, string | undefined, object][] = [
    [
      'opencode',
      '.config/opencode/opencode.json',
      'opencode.json',
      {
        $schema: 'https://opencode.ai/config.json',
        mcp: {
          baton: {
            type: 'local',
            command: [NODE, MAIN, 'mcp'],
            enabled: true,
            timeout: 60_000,
          },
        },
      },
    ],
    [
      'gemini',
      '.gemini/settings.json',
      '.gemini/settings.json',
      { mcpServers: { baton: { ...COMMAND, trust: false } } },
    ],
    [
      'cline',
      '.cline/data/settings/cline_mcp_settings.json',
      undefined,
      { mcpServers: { baton: { ...stdio, timeout: 60, disabled: false } } },
    ],
    ['claude', '.claude.json', '.mcp.json', { mcpServers: { baton: stdio } }],
    ['cursor', '.cursor/mcp.json', '.cursor/mcp.json', { mcpServers: { baton: stdio } }],
    [
      'vscode',
      process.platform === 'darwin'
        ? 'Library/Application Support/Code/User/mcp.json'
        : '.config/Code/User/mcp.json',
      '.vscode/mcp.json',
      { servers: { baton: stdio } },
    ],
  ];

  test.each(cases)(
    '%s gets one, and it is what it reads',
    async (client, user, project, content) => {
      const { backup, ...told } = await answer(client);
      expect(told).toMatchObject({ client, file: inHome(user), changed: true, dry_run: false });
      expect(backup).toBeUndefined();
      expect(JSON.parse(readFileSync(inHome(user), 'utf8'))).toEqual(content);
      expect(statSync(inHome(user)).mode & 0o777).toBe(0o600);
      if (project === undefined) {
        const refused = await connect(client, '--project');
        expect(refused.stderr).toMatch(/no configuration file of a project\nNothing was changed/);
        expect(refused.code).toBe(2);
        return;
      }
      expect(await answer(client, '--project')).toMatchObject({ file: join(baton.cwd, project) });
      expect(JSON.parse(readFileSync(join(baton.cwd, project), 'utf8'))).toEqual(content);
    },
  );

  test('is told what to do next, with a difference that can be read', async () => {
    const { stdout, code } = await connect('gemini', '--env', 'BATON_SHELL_ALLOW=npm,git');
    expect(stdout).toContain(`--- /dev/null\n+++ ${inHome('.gemini/settings.json')}\n@@ `);
    expect(stdout).toContain('+        "BATON_SHELL_ALLOW": "npm,git"');
    expect(stdout).toMatch(/"baton" is registered in Gemini CLI\.\n[^]*Next: Restart Gemini CLI/);
    expect(code).toBe(0);
  });
});

const GEMINI = `\uFEFF{\r
\t// How it looks\r
\t"ui": { "theme": "Dark", "n": 1.50 }, /* odd
\t   comment */\r
\t"mcpServers": {\r
\t\t"github": { "command": "gh", "env": { "GITHUB_TOKEN": "abc" } } // of the team\r
\t\t// , "old": {}\r
\t},\r
\t"unknown": { "deep": [1, { "x": null }] }\r
}\r
\r
`;

describe('a configuration that is there', () => {
  test('keeps every character of its own, and gets them back when Baton is taken out', async () => {
    const file = write(inHome('.gemini/settings.json'), GEMINI);
    chmodSync(file, 0o640);
    const { backup } = await answer('gemini', '--env', 'BATON_SHELL_ALLOW=npm');
    const text = readFileSync(file, 'utf8');
    const [before = '', after = ''] = GEMINI.split(' // of the team');
    expect(
      text.startsWith(`${before}, // of the team\r\n\t\t"baton": {\r\n\t\t\t"command": "`),
    ).toBe(true);
    expect(text.endsWith(`\t\t}${after}`)).toBe(true);
    expect(text.replaceAll('\r\n', '').match(/\n/g)).toHaveLength(1);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readFileSync(String(backup), 'utf8')).toBe(GEMINI);
    expect(statSync(String(backup)).mode & 0o777).toBe(0o640);
    const removed = await connect('gemini', '--remove');
    expect(removed.stdout).toContain('"baton" is taken out of Gemini CLI.');
    expect(readFileSync(file, 'utf8')).toBe(GEMINI);
    expect(backupsOf(file)).toHaveLength(2);
    expect(readdirSync(dirname(file))).toHaveLength(3);
  });

  test('is not written again when there is nothing to change', async () => {
    const file = write(inHome('.claude.json'), '{"numStartups":3,"mcpServers":{}}');
    await answer('claude');
    const { ino } = statSync(file);
    expect(readFileSync(file, 'utf8')).toMatch(
      /^\{"numStartups":3,"mcpServers":\{"baton":\{.*\}\}\}$/,
    );
    for (const args of [['claude'], ['claude', '--dry-run']]) {
      const again = await connect(...args);
      expect(again.stdout).toMatch(
        /^Claude Code has the server "baton" already; nothing to do\.\n/,
      );
      expect(again.code).toBe(0);
    }
    expect(statSync(file).ino).toBe(ino);
    expect(backupsOf(file)).toHaveLength(1);
    await answer('claude', '--remove');
    expect(await answer('claude', '--remove')).toMatchObject({ changed: false, diff: '' });
    expect(readFileSync(file, 'utf8')).toBe('{"numStartups":3,"mcpServers":{}}');
  });

  test('is only looked at with --dry-run', async () => {
    const file = write(inHome('.cursor/mcp.json'), '{}\n');
    const told = await answer('cursor', '--dry-run');
    expect(told).toMatchObject({
      changed: true,
      dry_run: true,
    });
    expect(readFileSync(file, 'utf8')).toBe('{}\n');
    expect(readdirSync(dirname(file))).toEqual(['mcp.json']);
    await answer('vscode', '--project', '--dry-run');
    expect(readdirSync(baton.cwd)).toEqual([]);
  });

  test('may be empty, or hold a comment only', async () => {
    const file = write(inHome('.cursor/mcp.json'), '');
    await answer('cursor');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toHaveProperty('mcpServers.baton');
    write(join(baton.cwd, '.vscode/mcp.json'), '// servers of ours\r\n\r\n');
    await answer('vscode', '--project');
    expect(readFileSync(join(baton.cwd, '.vscode/mcp.json'), 'utf8')).toMatch(
      /^\/\/ servers of ours\r\n\{\r\n {2}"servers": \{\r\n/,
    );
  });

  test('is found through symbolic links, which stay', async () => {
    const target = write(inHome('dotfiles/mcp.json'), '{}');
    mkdirSync(inHome('.cursor'));
    symlinkSync('../dotfiles/mcp.json', inHome('.cursor/mcp.json'));
    const told = await answer('cursor');
    expect(told.notes).toEqual([expect.stringContaining(`is a link to ${target}`)]);
    expect(lstatSync(inHome('.cursor/mcp.json')).isSymbolicLink()).toBe(true);
    expect(JSON.parse(readFileSync(target, 'utf8'))).toHaveProperty('mcpServers.baton');
    mkdirSync(inHome('.gemini'));
    symlinkSync('../dotfiles/new/gemini.json', inHome('.gemini/settings.json'));
    await answer('gemini');
    expect(lstatSync(inHome('.gemini/settings.json')).isSymbolicLink()).toBe(true);
    expect(existsSync(inHome('dotfiles/new/gemini.json'))).toBe(true);
  });

  test('is found like the client finds it, where its directory is a symbolic link too', async () => {
    const target = write(inHome('dotfiles/shared/settings.json'), '{"theme":"dark"}');
    mkdirSync(inHome('dotfiles/gemini'));
    symlinkSync('dotfiles/gemini', inHome('.gemini'));
    symlinkSync('../shared/settings.json', inHome('dotfiles/gemini/settings.json'));
    await answer('gemini');
    for (const path of [target, inHome('.gemini/settings.json')])
      expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
        theme: 'dark',
        mcpServers: { baton: COMMAND },
      });
    expect(existsSync(inHome('shared'))).toBe(false);
    // A step back from where a link leads to, towards a file that is still to be made.
    mkdirSync(inHome('far/away'), { recursive: true });
    symlinkSync('../../far/away', inHome('dotfiles/gemini/linked'));
    symlinkSync('dotfiles/gemini/linked/../made.json', inHome('.claude.json'));
    await answer('claude');
    expect(existsSync(inHome('far/made.json'))).toBe(true);
    expect(existsSync(inHome('dotfiles/gemini/made.json'))).toBe(false);
  });

  test('of OpenCode is whichever has the entry, else the one that is there', async () => {
    const directory = '.config/opencode';
    write(inHome(`${directory}/config.json`), '{}');
    expect(await answer('opencode')).toMatchObject({ file: inHome(`${directory}/config.json`) });
    write(inHome(`${directory}/opencode.jsonc`), '{ "theme": "x", } // mine');
    expect(await answer('opencode')).toMatchObject({ changed: false });
    expect(await answer('opencode', '--name', 'second')).toMatchObject({
      file: inHome(`${directory}/opencode.jsonc`),
    });
    const removed = await answer('opencode', '--remove');
    expect(removed).toMatchObject({ file: inHome(`${directory}/config.json`), changed: true });
    write(inHome(`${directory}/config.json`), readFileSync(inHome(`${directory}/opencode.jsonc`)));
    const { notes } = await answer('opencode', '--remove', '--name', 'second');
    expect(notes).toEqual([expect.stringContaining('config.json has a server of this name too')]);
  });
});
