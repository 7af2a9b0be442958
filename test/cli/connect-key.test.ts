import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { baton, connect, inHome } from './connect-fixture.ts';
import { HttpFixture } from './http-fixture.ts';

const http = new HttpFixture();
let url = '';
beforeEach(async () => {
  url = await http.serveSdk('stateless');
});
afterEach(() => http.close());

const FILE = '.gemini/settings.json';

async function createKey(scopes: string): Promise<string> {
  const { stdout, code } = await baton.run(['keys', 'create', 'helper', '--scopes', scopes]);
  expect(code).toBe(0);
  return stdout.trim();
}

test('registers the key of an agent and shows it nowhere', async () => {
  const key = await createKey('runs:read,runs:write,agents:work');
  const header = ['--header', `Authorization=Bearer ${key}`];
  for (const format of [[], ['--json']]) {
    const { stdout, stderr, code } = await connect('gemini', '--http', url, ...header, ...format);
    expect({ stderr: stderr.includes('not of this store'), code }).toEqual({
      stderr: false,
      code: 0,
    });
    expect(`${stdout}${stderr}`).not.toContain(key);
  }
  expect(readFileSync(inHome(FILE), 'utf8')).toContain(`"Authorization": "Bearer ${key}"`);
});

test.each(['approvals:resolve', 'runs:read,admin'])('refuses a key for %s', async (scopes) => {
  const key = await createKey(scopes);
  const { stdout, stderr, code } = await connect(
    'gemini',
    '--http',
    url,
    `--header=authorization=bearer ${key}`,
  );
  expect(stderr).toMatch(
    /^error: --header authorization holds a key for (approvals:resolve|admin):/,
  );
  expect(stderr).toMatch(/\nNothing was changed\.\nNext: Give the agent a key of its own/);
  expect(`${stdout}${stderr}`).not.toContain(key);
  expect(code).toBe(2);
  expect(existsSync(inHome(FILE))).toBe(false);
});

test('says of a key from elsewhere that its scopes are not known', async () => {
  const key = `bok_${'k'.repeat(43)}`;
  const header = ['--header', `Authorization=Bearer ${key}`];
  const { stderr, code } = await connect('gemini', '--http', url, ...header);
  expect(stderr).toContain('the key is not of this store, so its scopes were not looked at');
  expect(code).toBe(0);
});

test.each([
  ['another header', ['connect', 'gemini', '--http', 'http://h/', '--header']],
  ['another command', ['run', '--header']],
])('%s still takes no key', async (name, args) => {
  const value = name === 'another header' ? 'X-Key=' : 'Authorization=Bearer ';
  const { stderr, code } = await baton.run([...args, `${value}bok_${'k'.repeat(43)}`]);
  expect(stderr).toContain("would put a person's key where others read it");
  expect(code).toBe(2);
});
