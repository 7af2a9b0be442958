import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { answer, baton, COMMAND, connect, inHome, MAIN, NODE, write } from './connect-fixture.ts';
import { HttpFixture, initialized, resultOf, sendJson } from './http-fixture.ts';

const http = new HttpFixture();
/** Of a server that answers as baton. */
let url = '';
beforeEach(async () => {
  url = await http.serveSdk('stateless');
});
afterEach(() => http.close());

const HEADER = ['--header', 'X-Team=hush-hush'];
const headers = { 'X-Team': 'hush-hush' };

function entryIn(file: string, section = 'mcpServers', name = 'baton'): unknown {
  const document = JSON.parse(readFileSync(inHome(file), 'utf8')) as Record<
    string,
    Record<string, unknown>
  >; // what connect wrote
  return document[section]?.[name];
}

function objectIn(file: string, section: string): object {
  return entryIn(file, section) as object; // connect wrote it
}

const VSCODE =
  process.platform === 'darwin'
    ? 'Library/Application Support/Code/User/mcp.json'
    : '.config/Code/User/mcp.json';

describe('a server over HTTP', () => {
  const cases: [string, string, string, (url: string) => object, (local: object) => object][] = [
    [
      'opencode',
      '.config/opencode/opencode.json',
      'mcp',
      (url) => ({ type: 'remote', url, oauth: false, enabled: true, timeout: 60_000 }),
      () => ({ type: 'local', command: [NODE, MAIN, 'mcp'], enabled: true, timeout: 60_000 }),
    ],
    [
      'gemini',
      '.gemini/settings.json',
      'mcpServers',
      (httpUrl) => ({ httpUrl, trust: false }),
      (local) => ({ ...local, trust: false }),
    ],
    [
      'cline',
      '.cline/data/settings/cline_mcp_settings.json',
      'mcpServers',
      (url) => ({ type: 'streamableHttp', url, timeout: 60, disabled: false }),
      (local) => ({ type: 'stdio', ...local, timeout: 60, disabled: false }),
    ],
    [
      'claude',
      '.claude.json',
      'mcpServers',
      (url) => ({ type: 'http', url }),
      (local) => ({ type: 'stdio', ...local }),
    ],
    [
      'vscode',
      VSCODE,
      'servers',
      (url) => ({ type: 'http', url }),
      (local) => ({ type: 'stdio', ...local }),
    ],
    [
      'cursor',
      '.cursor/mcp.json',
      'mcpServers',
      (url) => ({ url }),
      (local) => ({ type: 'stdio', ...local }),
    ],
  ];

  test.each(cases)(
    'is registered in %s, becomes a process and a server again, and goes',
    async (client, file, section, remote, local) => {
      const told = await answer(client, '--http', url, ...HEADER);
      expect(told).toMatchObject({
        changed: true,
        server: { name: 'baton', version: '9.8.7', protocol: '2025-11-25' },
        entry: { headers: { 'X-Team': '***' } },
        notes: [],
      });
      expect(JSON.stringify(told)).not.toContain('hush');
      expect(entryIn(file, section)).toEqual({ ...remote(url), headers });
      expect(await answer(client, '--http', url, ...HEADER)).toMatchObject({ changed: false });

      await answer(client);
      expect(entryIn(file, section)).toEqual(local(COMMAND));
      await answer(client, '--http', url);
      // OpenCode's `oauth` is what a new entry begins with, and this one is not new.
      expect({
        ...(client === 'opencode' && { oauth: false }),
        ...objectIn(file, section),
      }).toEqual(remote(url));

      await answer(client, '--remove');
      expect(entryIn(file, section)).toBeUndefined();
    },
  );

  test('keeps what the user added, in its entry and on the way from a process and back', async () => {
    const env = { BATON_SHELL_ALLOW: 'make' };
    write(
      inHome('.gemini/settings.json'),
      JSON.stringify({
        mcpServers: {
          baton: { command: 'baton', args: ['mcp'], cwd: '/w', env, trust: true, timeout: 90 },
        },
      }),
    );
    const own = { env, trust: true, timeout: 90 };
    await answer('gemini', '--http', url, '--header', 'X-Team=old');
    expect(entryIn('.gemini/settings.json')).toEqual({
      ...own,
      httpUrl: url,
      headers: { 'X-Team': 'old' },
    });
    await answer('gemini', '--http', url, '--header', 'x-team=new', '--header', 'B=2');
    expect(entryIn('.gemini/settings.json')).toEqual({
      ...own,
      httpUrl: url,
      headers: { 'X-Team': 'new', B: '2' },
    });
    await answer('gemini');
    expect(entryIn('.gemini/settings.json')).toEqual({ ...own, ...COMMAND });
  });

  test('does not get the headers that were meant for another', async () => {
    await answer('claude', '--http', url, ...HEADER);
    const other = await http.serveSdk('stateless');
    await answer('claude', '--http', other);
    expect(entryIn('.claude.json')).toEqual({ type: 'http', url: other });
    await answer('claude', '--http', other, '--header', 'A=1');
    await answer('claude', '--http', `${other}/v2`);
    expect(entryIn('.claude.json')).toEqual({
      type: 'http',
      url: `${other}/v2`,
      headers: { A: '1' },
    });
  });

  test('in the nested form of Cline keeps its headers', async () => {
    const file = '.cline/data/settings/cline_mcp_settings.json';
    const transport = { type: 'streamableHttp', url, headers };
    write(inHome(file), JSON.stringify({ mcpServers: { baton: { transport, disabled: true } } }));
    await answer('cline', '--http', url);
    expect(entryIn(file)).toEqual({ disabled: true, type: 'streamableHttp', url, headers });
  });

  test('of another name is remarked upon, and registered', async () => {
    const { url: other } = await http.serve((received, response) =>
      sendJson(response, 200, resultOf(received, initialized('flows\u001B[2J hush-hush'))),
    );
    const { stdout, stderr, code } = await connect('cursor', '--http', other, ...HEADER);
    expect(stdout).toMatch(
      /server answers there: flows\\u\{1b\}\[2J \*{3} 1\.2\.3, MCP 2025-11-25\n/,
    );
    expect(stderr).toMatch(/^note: the server there calls itself flows.* 1\.2\.3, not baton; /);
    expect(stdout + stderr).not.toContain('hush');
    expect(code).toBe(0);
    expect(entryIn('.cursor/mcp.json')).toEqual({ url: other, headers });
  });

  test('of the revision without sessions is registered with a remark', async () => {
    const modern = await http.serveSdk('reject');
    expect(await answer('cursor', '--http', modern)).toMatchObject({
      server: { protocol: '2026-07-28' },
      notes: [expect.stringContaining('speaks MCP 2026-07-28 only')],
    });
  });

  test('is shown only with --dry-run', async () => {
    const told = await answer('cursor', '--http', url, ...HEADER, '--dry-run');
    expect(told).toMatchObject({ changed: true, dry_run: true, server: { name: 'baton' } });
    expect(told.diff).toContain(`+      "url": "${url}"`);
    expect(told.diff).toContain('+        "X-Team": "***"');
    expect(existsSync(inHome('.cursor'))).toBe(false);
  });

  test('in a project tells what others will see', async () => {
    const { notes } = await answer('cursor', '--project', '--http', url, ...HEADER);
    expect(notes).toEqual([
      expect.stringContaining('leads to this machine'),
      expect.stringContaining('can read them'),
    ]);
  });
});

describe('the configuration stays as it is', () => {
  test('when no MCP server answers', async () => {
    const text = '{"mcpServers":{"baton":{"url":"http://x/mcp"}}}';
    const file = write(inHome('.cursor/mcp.json'), text);
    await http.close();
    const refused = await connect('cursor', '--http', url, ...HEADER);
    expect(refused.stderr).toMatch(/ECONNREFUSED.*; tried initialize \(2025-11-25\)\n/);
    expect(refused.stderr).toMatch(/\nNothing was changed\.\nNext: Start the server there/);
    expect(refused.code).toBe(5);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  test('when what answers is something else, with --json as one document', async () => {
    const { url: page } = await http.serve((_received, response) =>
      response.writeHead(200, { 'Content-Type': 'text/html' }).end('hello'),
    );
    const { stdout, stderr, code } = await connect('cursor', '--http', page, '--json');
    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'no_mcp_server', changed: 'nothing' },
      exit_code: 2,
    });
    expect(code).toBe(2);
    expect(existsSync(inHome('.cursor'))).toBe(false);
  });
});

describe('bad usage', () => {
  const U = 'http://127.0.0.1:1/mcp';
  const cases: [string, string[], RegExp][] = [
    ['variables of a process', ['--http', U, '--env', 'A=hush'], /--env would not reach it/],
    ['tools of a process', ['--http', U, '--toolsets', 'all'], /--toolsets would not reach it/],
    ['a store', ['--http', U, '--store', 'x.db', '--config', 'c'], /--store, --config would not/],
    ['no URL', ['--http', 'hush'], /no URL that begins with http/],
    ['another scheme', ['--http', 'ftp://hush/'], /no URL that begins with http/],
    ['a password', ['--http', 'https://me:hush@h/mcp?k=hush'], /https:\/\/h\/mcp\?… is given with/],
    ['no header', ['--http', U, '--header', 'hush'], /not NAME=VALUE/],
    ['an impossible name', ['--http', U, '--header', 'a b=hush'], /whose NAME no header can have/],
    ['an impossible value', ['--http', U, '--header', 'A=hush\nB: 1'], /A: .*character that no/],
    ['no value', ['--http', U, '--header', 'A= '], /A: the value is empty/],
    ['one of the protocol', ['--http', U, '--header', 'mcp-session-id=hush'], /set this one them/],
    ['one twice', ['--http', U, '--header', 'A=hush', '--header', 'a=hush'], /a is given twice/],
    [
      "a person's key",
      ['--http', U, '--header', `A=bok_${'hush'.repeat(6)}`],
      /would put a person's key/,
    ],
  ];
  test.each(cases)('%s', async (_name, args, message) => {
    const { stderr, code } = await connect('cursor', ...args);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/\nNothing was changed\.\nNext: .+\n$/);
    expect(stderr).not.toContain('hush');
    expect(code).toBe(2);
    expect(existsSync(inHome('.cursor'))).toBe(false);
  });
});

test('the help names the command that serves HTTP', async () => {
  const { stdout } = await baton.run(['connect', '--help']);
  expect(stdout.replaceAll(/\s+/g, ' ')).toContain('(such as baton serve)');
});
