import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isBatons } from '../../src/cli/connect/ownership.ts';
import { answer, COMMAND, connect, inHome, MAIN, write } from './connect-fixture.ts';

const GONE = '/opt/node_modules/baton-mcp/dist/src/main.js';

describe('an entry is Baton’s', () => {
  test.each<[string, object]>([
    ['from its sources', { command: '/n/bin/node', args: [MAIN, 'mcp', '--read-only'] }],
    ['as one list', { command: ['node', MAIN, 'mcp'] }],
    ['started by itself', { command: MAIN, args: ['mcp'] }],
    ['by its bin', { command: '/usr/bin/baton', args: ['mcp'] }],
    ['by npx', { command: 'npx', args: ['-y', 'baton-mcp@0.1.0', 'mcp'] }],
    ['one that is gone, in its package', { command: 'node', args: [GONE, 'mcp'] }],
    ['nested', { transport: { command: 'baton', args: ['mcp'] } }],
  ])('%s', (_name, entry) => {
    expect(isBatons(entry as never, { name: 'mine' })).toBe(true); // an entry is JSON
  });

  test.each([
    [{ command: 'node', args: ['/gone/dist/src/main.js', 'mcp'] }],
    [{ command: 'node', args: ['dist/src/main.js', 'mcp'] }],
    [{ url: 'https://host/mcp' }],
    [{ enabled: false }],
  ])('where it has the default name: %j', (entry) => {
    expect(isBatons(entry, { name: 'baton' })).toBe(true);
    expect(isBatons(entry, { name: 'mine' })).toBe(false);
  });

  test('when it leads to the URL that was given', () => {
    const claim = { name: 'mine', url: 'https://HOST/mcp' };
    expect(isBatons({ httpUrl: 'https://host/mcp' }, claim)).toBe(true);
    expect(isBatons({ url: 'https://host/mcp/v2' }, claim)).toBe(false);
    expect(isBatons({ url: 'https://host/mcp', command: 'uvx', args: ['mcp'] }, claim)).toBe(false);
    const both = { url: 'https://linear/mcp', command: 'baton', args: ['mcp'] };
    expect(isBatons(both, claim)).toBe(false);
  });
});

describe('an entry is somebody else’s, even of the default name', () => {
  test.each([
    [{ command: '/home/baton/bin/tool', args: ['mcp', '--db', 'x'] }],
    [{ command: 'uvx', args: ['baton', 'mcp'] }],
    [{ command: 'npx', args: ['baton', 'mcp'] }],
    [{ command: 'npx', args: ['-p', 'other', 'baton-mcp', 'mcp'] }],
    [{ command: 'baton', args: ['serve', 'mcp'] }],
    [{ command: 'baton' }],
    [{ command: 'node', args: ['/gone/src/main.js', 'mcp'] }],
    [{ command: 'sh', args: ['-c', 'baton mcp'] }],
    [{ command: 'mcp', args: [MAIN] }],
  ])('%j', (entry) => {
    expect(isBatons(entry, { name: 'baton' })).toBe(false);
  });

  test('an entry file like Baton’s, of a package of another name', () => {
    const main = write(inHome('baton-mcp/dist/src/main.js'), '');
    write(inHome('baton-mcp/package.json'), '{"name":"conductor"}');
    const entry = { command: 'node', args: [main, 'mcp'] };
    expect(isBatons(entry, { name: 'baton' })).toBe(false);
    write(inHome('baton-mcp/package.json'), '{"name":"baton-mcp"}');
    expect(isBatons(entry, { name: 'other' })).toBe(true);
  });
});

describe('somebody else’s entry', () => {
  const linear = { url: 'https://mcp.linear.app/mcp', headers: { Authorization: 'Bearer abc' } };
  const mine = { command: '/home/baton/bin/tool', args: ['mcp', '--db', 'x'] };
  const text = JSON.stringify({ mcpServers: { linear, mine } });

  test('is neither changed nor removed, and the hint is another name', async () => {
    const file = write(inHome('.cursor/mcp.json'), text);
    for (const name of ['linear', 'mine'])
      for (const more of [[], ['--remove'], ['--remove', '--http', 'https://mcp.linear.app/']]) {
        const { stdout, stderr, code } = await connect('cursor', '--name', name, ...more);
        expect(stdout).toBe('');
        expect(stderr).toMatch(
          /is not Baton's for certain: it (?:starts another program|leads to another server)\n/,
        );
        expect(stderr).toMatch(/\nNothing was changed\.\nNext: .*--name/);
        expect(stderr).not.toContain('Bearer');
        expect(code).toBe(2);
      }
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect(readdirSync(dirname(file))).toEqual(['mcp.json']);
  });

  test('goes when its URL says that it is meant, and what is Baton’s goes by its name', async () => {
    const file = write(inHome('.cursor/mcp.json'), text);
    await answer('cursor', '--name', 'flows');
    await answer('cursor', '--name', 'flows', '--remove');
    expect(readFileSync(file, 'utf8')).toBe(text);
    await answer('cursor', '--name', 'linear', '--remove', '--http', linear.url);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ mcpServers: { mine } });
  });

  test('of another directory of Baton is mended by connecting again', async () => {
    const old = { command: 'node', args: [join(inHome('moved'), 'dist/src/main.js'), 'mcp'] };
    const file = write(inHome('.cursor/mcp.json'), JSON.stringify({ mcpServers: { baton: old } }));
    await answer('cursor');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
      mcpServers: { baton: COMMAND },
    });
  });
});
