import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGit } from '../../../src/adapters/git/git-process.ts';
import { createRecordSplitter } from '../../../src/adapters/git/index-entries.ts';
import { GitFixture } from './git-fixture.ts';

let fixture: GitFixture;
beforeEach(() => {
  fixture = new GitFixture();
});
afterEach(() => fixture.dispose());

/** A program in the place of git, with the surroundings of a call. */
const call = (script: string, { timeoutMs = 10_000, input = '' } = {}) =>
  createGit(
    fixture.program('git', script),
    { PATH: '/usr/bin:/bin' },
    { timeoutMs },
  )({
    args: ['-c', 'a=b', 'status', '--short'],
    cwd: fixture.base,
    input: Buffer.from(input),
    maxOutputBytes: 1_000,
  });

describe('a call of git', () => {
  it('that does not end is killed at the time limit', async () => {
    const stuck = call('exec tail -f /dev/null', { timeoutMs: 50 });
    await expect(stuck).rejects.toThrow('git status took longer than 0.05 s');
  });

  it('that ends by a signal is told as such', async () => {
    await expect(call('kill -9 $$')).rejects.toThrow('git status was ended by SIGKILL');
  });

  it('that writes without end is cut at the limit', async () => {
    const end = await call('exec cat /dev/zero');
    expect(end.isCut).toBe(true);
    expect(end.stdout.length).toBeLessThanOrEqual(1_000);
  });

  it('that complains without end is not kept whole', async () => {
    const end = await call('head -c 10000000 /dev/zero >&2; exit 3');
    expect(end.exitCode).toBe(3);
    expect(end.stderr.length).toBeLessThan(200_000);
  });

  it('that reads none of its input is no failure', async () => {
    const end = await call('echo done', { input: 'x'.repeat(10_000_000) });
    expect(end).toMatchObject({ exitCode: 0, isCut: false });
    expect(String(end.stdout)).toBe('done\n');
  });
});

describe('records that end with NUL', () => {
  it.each([1, 2, 3, 7, 100])('come out whole from chunks of %i bytes', (size) => {
    const whole = Buffer.from('one\0two\0\0three\0');
    const records: string[] = [];
    const take = createRecordSplitter((record) => records.push(String(record)));
    for (let at = 0; at < whole.length; at += size) take(whole.subarray(at, at + size));
    expect(records).toEqual(['one', 'two', '', 'three']);
  });
});
