import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'jsonc-parser';
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

describe('an entry that is there', () => {
  const read = (): Record<string, unknown> =>
    parse(readFileSync(inHome('.gemini/settings.json'), 'utf8')) as Record<string, unknown>; // an object

  test('keeps what the user added: keys, variables, options, comments', async () => {
    write(
      inHome('.gemini/settings.json'),
      `{ "mcpServers": { "baton": {
        "args": ["/old/baton/dist/src/main.js", "mcp", "--read-only", "--toolsets=runs"], // ours
        "command": "node", "trust": true, "timeout": 90, "includeTools": ["start_workflow"],
        "env": { "BATON_SHELL_ALLOW": "make", "OWN": "1" /* own */ }
      } } }`,
    );
    await answer(
      'gemini',
      '--env',
      'BATON_SHELL_ALLOW=npm',
      '--env',
      'MORE=a=b',
      '--toolsets',
      'all',
    );
    expect(read()).toEqual({
      mcpServers: {
        baton: {
          args: [MAIN, 'mcp', '--read-only', '--toolsets', 'all'],
          command: NODE,
          trust: true,
          timeout: 90,
          includeTools: ['start_workflow'],
          env: { BATON_SHELL_ALLOW: 'npm', OWN: '1', MORE: 'a=b' },
        },
      },
    });
    const text = readFileSync(inHome('.gemini/settings.json'), 'utf8');
    expect(text).toContain(`"--toolsets", "all"], // ours`);
    expect(text).toContain('/* own */');
    expect(await answer('gemini')).toMatchObject({ changed: false });
  });

  test('of another kind becomes one that starts Baton', async () => {
    write(
      inHome('.gemini/settings.json'),
      '{"mcpServers":{"baton":{"httpUrl":"http://x/mcp","trust":true}}}',
    );
    await answer('gemini');
    expect(read()).toEqual({ mcpServers: { baton: { trust: true, ...COMMAND } } });
  });

  test('in the nested form of Cline keeps its variables and options', async () => {
    const file = inHome('.cline/data/settings/cline_mcp_settings.json');
    const transport = {
      type: 'stdio',
      command: 'baton',
      args: ['mcp', '--read-only'],
      env: { A: '1' },
    };
    write(file, JSON.stringify({ mcpServers: { baton: { transport, disabled: true } } }));
    await answer('cline', '--env', 'B=2');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      mcpServers: {
        baton: {
          disabled: true,
          type: 'stdio',
          command: NODE,
          args: [MAIN, 'mcp', '--read-only'],
          env: { A: '1', B: '2' },
        },
      },
    });
  });

  test('that starts another program is left alone', async () => {
    const text = '{"mcpServers":{"baton":{"command":"uvx","args":["stick"]}}}';
    const file = write(inHome('.cursor/mcp.json'), text);
    for (const args of [[], ['--remove'], ['--dry-run']]) {
      const { stderr, code } = await connect('cursor', ...args);
      expect(stderr).toMatch(
        /"baton" there is not Baton's[^]*Nothing was changed\.\nNext: .*--name/,
      );
      expect(code).toBe(2);
    }
    await answer('cursor', '--name', 'baton2');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
      mcpServers: { baton: { command: 'uvx', args: ['stick'] }, baton2: COMMAND },
    });
  });

  test('gets --store and --config as absolute paths', async () => {
    await answer('cursor', '--store', 'x.db', '--config', '~/c.yaml');
    expect(JSON.parse(readFileSync(inHome('.cursor/mcp.json'), 'utf8'))).toHaveProperty(
      'mcpServers.baton.args',
      [MAIN, 'mcp', '--store', join(baton.cwd, 'x.db'), '--config', inHome('c.yaml')],
    );
  });
});

test('a broken configuration file is named with the place, stays, and ends with 2', async () => {
  const file = write(inHome('.gemini/settings.json'), '{\n  "a": 1,\n}');
  const { stdout, stderr, code } = await connect('gemini');
  expect(stdout).toBe('');
  expect(stderr).toContain(`error: ${file}:3:1: it is not valid JSON; `);
  expect(stderr).toMatch(/\nNothing was changed\.\nNext: Correct the file there/);
  expect(code).toBe(2);
  expect(readFileSync(file, 'utf8')).toBe('{\n  "a": 1,\n}');
  expect(readdirSync(dirname(file))).toEqual(['settings.json']);
});

/** Of the shape of an operator key. */
const KEY = `bok_${'k'.repeat(43)}`;

describe('bad usage', () => {
  const cases: [string, string[], RegExp][] = [
    ['an unknown client', ['geminy'], /unknown client "geminy"; did you mean "gemini"\?/],
    ['no client', [], /missing required argument 'CLIENT'/],
    ['a name with spaces', ['gemini', '--name', 'a b'], /--name "a b"/],
    ['a variable without a value', ['gemini', '--env', 'TOKEN'], /--env "TOKEN…" is not KEY=VALUE/],
    ['a toolset that is none', ['gemini', '--toolsets', 'rusn'], /did you mean "runs"/],
    ['a removal with options', ['gemini', '--remove', '--env', 'A=1'], /--remove takes the whole/],
    ['a key as a name', ['gemini', '--name', KEY], /--name holds an operator key/],
    ['a key as a variable', ['gemini', '--env', `A=${KEY}`], /--env holds an operator key/],
    ['a key in a URL', ['gemini', `--http=http://h/${KEY}`], /--http holds an operator key/],
    ['headers of a process', ['gemini', '--header', 'A=1'], /--header .* --http is not given/],
  ];
  test.each(cases)('%s', async (_name, args, message) => {
    const { stderr, code } = await connect(...args);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/\nNothing was changed\.\nNext: .+\n$/);
    expect(stderr).not.toContain(KEY);
    expect(code).toBe(2);
    expect(existsSync(inHome('.gemini'))).toBe(false);
  });

  test('never repeats a value that may be a secret', async () => {
    const { stderr } = await connect('gemini', '--env', 'MY-TOKEN=hush');
    expect(stderr).toContain('MY-TOKEN…');
    expect(stderr).not.toContain('hush');
  });

  test('a misspelt variable is registered, with a remark', async () => {
    const { stderr, code } = await connect('gemini', '--env', 'BATON_SHELL_ALOW=npm');
    expect(stderr).toMatch(
      /^note: environment BATON_SHELL_ALOW: .*did you mean "BATON_SHELL_ALLOW"/,
    );
    expect(code).toBe(0);
  });
});

test('several at once lose nothing of each other', async () => {
  const file = write(inHome('.cursor/mcp.json'), '{ "mcpServers": {} }');
  const names = ['one', 'two', 'three', 'four'];
  const ended = await Promise.all(names.map((name) => connect('cursor', '--name', name)));
  expect(ended.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
  const { mcpServers } = JSON.parse(readFileSync(file, 'utf8')) as { mcpServers: object };
  expect(Object.keys(mcpServers).sort()).toEqual([...names].sort());
  expect(backupsOf(file)).toHaveLength(4);
  expect(readdirSync(dirname(file))).toHaveLength(5);
});

test('what it registers is what a client can start: the official client lists the tools', async () => {
  const { entry } = await answer('cursor', '--store', 'own.db');
  const { command, args } = entry as { command: string; args: string[] }; // as registered
  const { Client } = await import('@modelcontextprotocol/client');
  const { StdioClientTransport } = await import('@modelcontextprotocol/client/stdio');
  // As from the desktop: no PATH of a shell.
  const env = { PATH: '/nowhere', HOME: baton.root };
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(new StdioClientTransport({ command, args, env, cwd: baton.root }));
  const { tools } = await client.listTools();
  await client.close();
  expect(tools.map(({ name }) => name)).toContain('start_workflow');
  expect(existsSync(join(baton.cwd, 'own.db'))).toBe(true);
});
