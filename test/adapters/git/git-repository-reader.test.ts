import {
  chmodSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GitFixture, snapshotOf } from './git-fixture.ts';

let fixture: GitFixture;
beforeEach(() => {
  fixture = new GitFixture();
});
afterEach(() => {
  vi.unstubAllEnvs();
  fixture.dispose();
});

const BINARY = Buffer.from(Array.from({ length: 2_000 }, (_, at) => (at * 7) % 256));

/** Reads it, applies the diff to a fresh clone, and compares the whole trees. */
async function expectRestored(repository: string): Promise<void> {
  const reading = await fixture.read(repository);
  expect(reading.state).not.toHaveProperty('diffLeftOut');
  const restored = fixture.restoredTree(repository, reading);
  expect(restored).toBe(fixture.presentTree(repository));
}

describe('a repository', () => {
  it('without changes is its commit and branch', async () => {
    const path = fixture.repository(fixture.workspace);
    const commit = fixture.git(path, ['rev-parse', 'HEAD']).trim();
    const reading = await fixture.read('.');
    expect(reading).toEqual({ state: { path, commit, branch: 'main', isDirty: false } });
  });

  it('is found from a directory inside it, relative to the workspace', async () => {
    const path = fixture.repository(join(fixture.workspace, 'app'), { 'src/deep/x.txt': 'x' });
    expect((await fixture.read('app/src/deep')).state.path).toBe(path);
  });

  it('with changes of every kind comes back from commit and diff', async () => {
    const path = fixture.repository(fixture.workspace, {
      'gone.txt': 'gone\n',
      'binary.bin': BINARY,
      'script.sh': 'echo hi\n',
      'becomes-directory': 'file\n',
      'becomes-file/inner.txt': 'inner\n',
      'becomes-link': 'file\n',
      'staged.txt': 'before\n',
      'no-end': 'no newline at the end',
      '.gitignore': 'ignored/\n',
    });
    for (const name of ['gone.txt', 'becomes-directory', 'becomes-file', 'becomes-link'])
      rmSync(join(path, name), { recursive: true });
    fixture.write(path, {
      'a.txt': 'one\nchanged\n',
      'binary.bin': Buffer.from(BINARY).reverse(),
      'new.bin': BINARY,
      'new/deep/file.txt': 'new\n',
      'becomes-directory/x.txt': 'x\n',
      'becomes-file': 'now a file\n',
      'staged.txt': 'staged\n',
      'no-end': 'still none',
      'ignored/secret.txt': 'not looked at\n',
      empty: '',
    });
    chmodSync(join(path, 'script.sh'), 0o755);
    symlinkSync('a.txt', join(path, 'becomes-link'));
    fixture.git(path, ['add', 'staged.txt']);
    fixture.write(path, { 'staged.txt': 'and changed again\n' });
    const { state, diff } = await fixture.read(path);
    expect(state.isDirty).toBe(true);
    expect(diff?.files).toBe(14);
    expect(String(diff?.content)).not.toContain('not looked at');
    await expectRestored(path);
  });

  it('with names that are hardly names comes back too', async () => {
    const path = fixture.repository(fixture.workspace);
    const names = [
      'new\nline',
      'quote"s',
      "apos'",
      'back\\slash',
      ' blank ',
      'tab\t',
      '-dash',
      'ü',
    ];
    for (const name of names) fixture.write(path, { [name]: `${name}\n` });
    writeFileSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0x66, 0xff, 0xfe])]), 'raw');
    await expectRestored(path);
  });

  it('may lie at a path that is hardly one', async () => {
    const path = fixture.repository(join(fixture.workspace, 'a "b":c\\d\ne'));
    fixture.write(path, { 'a.txt': 'changed\n' });
    await expectRestored(path);
  });

  it('without commits is kept whole', async () => {
    const path = fixture.workspace;
    fixture.git(path, ['init', '--quiet', '--initial-branch=trunk']);
    fixture.write(path, { 'first.txt': 'first\n', 'staged.txt': 'staged\n' });
    fixture.git(path, ['add', 'staged.txt']);
    const { state, diff } = await fixture.read(path);
    expect(state).toEqual({ path, branch: 'trunk', isDirty: true });
    expect(diff?.files).toBe(2);
    await expectRestored(path);
  });

  it('of SHA-256 objects is read like any other', async () => {
    const path = fixture.workspace;
    fixture.git(path, ['init', '--quiet', '--object-format=sha256']);
    fixture.write(path, { 'a.txt': 'a\n' });
    expect((await fixture.read(path)).diff?.files).toBe(1);
    expect(fixture.commit(path)).toHaveLength(64);
    fixture.write(path, { 'a.txt': 'b\n' });
    await expectRestored(path);
  });

  it('with a detached HEAD has no branch', async () => {
    const path = fixture.repository(fixture.workspace);
    fixture.git(path, ['checkout', '--quiet', '--detach']);
    expect((await fixture.read(path)).state).not.toHaveProperty('branch');
  });

  it('in the middle of a merge is kept as its files stand, and says so', async () => {
    const path = fixture.repository(fixture.workspace);
    fixture.git(path, ['checkout', '--quiet', '-b', 'other']);
    fixture.write(path, { 'a.txt': 'theirs\n' });
    fixture.commit(path);
    fixture.git(path, ['checkout', '--quiet', 'main']);
    fixture.write(path, { 'a.txt': 'ours\n' });
    fixture.commit(path);
    expect(fixture.tryGit(path, ['merge', 'other']).status).toBe(1);
    const reading = await fixture.read(path);
    expect(reading.state.diffLeftOut).toMatch(/^a merge was under way/);
    expect(String(reading.diff?.content)).toContain('+<<<<<<< HEAD');
    expect(fixture.restoredTree(path, reading)).toBe(fixture.presentTree(path));
  });

  it('is read while another git holds its index', async () => {
    const path = fixture.repository(fixture.workspace);
    fixture.write(path, { 'a.txt': 'changed\n', '.git/index.lock': '' });
    expect((await fixture.read(path)).diff?.files).toBe(1);
  });

  it('with a split or version 4 index is read', async () => {
    const path = fixture.repository(fixture.workspace);
    fixture.git(path, ['update-index', '--split-index', '--index-version', '4']);
    fixture.write(path, { 'a.txt': 'changed\n' });
    await expectRestored(path);
  });

  it('converts line ends as the user configured it', async () => {
    const path = fixture.repository(fixture.workspace);
    fixture.git(path, ['config', 'core.autocrlf', 'true']);
    fixture.git(path, ['config', 'core.safecrlf', 'true']);
    fixture.write(path, { 'a.txt': 'one\r\ntwo\r\n' });
    expect((await fixture.read(path)).state.isDirty).toBe(false);
  });

  it('ignores what the user ignores everywhere, and what this clone ignores', async () => {
    const path = fixture.repository(fixture.workspace);
    fixture.write(fixture.home, { 'ignore-me': '*.swp\n' });
    fixture.git(path, ['config', '--global', 'core.excludesFile', '~/ignore-me']);
    fixture.write(path, { 'x.swp': '', 'local.tmp': '', '.git/info/exclude': '*.tmp\n' });
    expect((await fixture.read(path)).state.isDirty).toBe(false);
    fixture.git(path, ['config', 'core.excludesFile', '.git/only-mine']);
    fixture.write(path, { '.git/only-mine': '*.swp\n', 'sub/y.swp': '' });
    expect((await fixture.read(join(path, 'sub'))).state.isDirty).toBe(false);
    rmSync(join(path, '.git', 'only-mine'));
    expect((await fixture.read(path)).diff?.files).toBe(2);
  });

  it('that is sparse keeps the files it has not checked out', async () => {
    const path = fixture.repository(fixture.workspace, { 'in/x.txt': 'x\n', 'out/y.txt': 'y\n' });
    fixture.git(path, ['sparse-checkout', 'set', '--cone', '--sparse-index', 'in']);
    expect((await fixture.read(path)).state.isDirty).toBe(false);
    fixture.write(path, { 'in/x.txt': 'changed\n' });
    const reading = await fixture.read(path);
    expect(reading.diff?.files).toBe(1);
    expect(fixture.restoredTree(path, reading)).toBe(fixture.presentTree(path));
  });

  it('linked to another one has HEAD and index of its own', async () => {
    const main = fixture.repository(join(fixture.outside, 'main'));
    const path = join(fixture.workspace, 'linked');
    fixture.git(main, ['worktree', 'add', '--quiet', '-b', 'side', path]);
    fixture.write(path, { 'a.txt': 'side\n' });
    fixture.write(main, { 'a.txt': 'main\n' });
    const { state, diff } = await fixture.read(path);
    expect(state).toMatchObject({ path, branch: 'side', isDirty: true });
    expect(String(diff?.content)).toContain('+side');
    await expectRestored(path);
  });
});

describe('other repositories inside', () => {
  it('submodules: the commit is kept, and it says that their changes are not', async () => {
    const library = fixture.repository(join(fixture.outside, 'library'));
    const path = fixture.repository(join(fixture.workspace, 'app'));
    fixture.git(path, ['submodule', '--quiet', 'add', library, 'lib']);
    fixture.commit(path);
    const clean = await fixture.read(path);
    expect(clean.state).toMatchObject({
      isDirty: false,
      diffLeftOut: 'changes inside submodules are not looked at: "lib"',
    });
    fixture.write(path, { 'lib/a.txt': 'next\n' });
    const commit = fixture.commit(join(path, 'lib'));
    const moved = await fixture.read(path);
    expect(String(moved.diff?.content)).toContain(`+Subproject commit ${commit}`);
    const inside = await fixture.read(join(path, 'lib'));
    expect(inside.state).toMatchObject({ path: join(path, 'lib'), commit, isDirty: false });
  });

  it('a submodule alone in the workspace is read, as its repository names it', async () => {
    const library = fixture.repository(join(fixture.outside, 'library'));
    const app = fixture.repository(join(fixture.outside, 'app'));
    fixture.git(app, ['submodule', '--quiet', 'add', library, 'lib']);
    const reader = { roots: [join(app, 'lib')] };
    expect((await fixture.read(join(app, 'lib'), reader)).state.isDirty).toBe(false);
  });

  it('repositories that are no submodules are named and not kept', async () => {
    const path = fixture.repository(fixture.workspace);
    fixture.git(path, ['init', '--quiet', 'empty']);
    fixture.repository(join(path, 'nested'));
    fixture.write(path, { 'new.txt': 'new\n' });
    const { state, diff } = await fixture.read(path);
    expect(state.diffLeftOut).toBe(
      'repositories inside this one are not kept: "empty/", "nested/"',
    );
    expect(diff?.files).toBe(1);
  });
});

describe('reading changes nothing', () => {
  it('neither in the git directory nor in the work tree, and leaves nothing behind', async () => {
    const path = fixture.repository(fixture.workspace, { 'b.txt': 'b\n' });
    fixture.write(path, { 'a.txt': 'changed\n', 'new.bin': BINARY });
    fixture.git(path, ['add', 'new.bin']);
    const before = snapshotOf(path);
    const temporary = join(fixture.base, 'temporary');
    mkdirSync(temporary);
    vi.stubEnv('TMPDIR', temporary);
    const { diff } = await fixture.read(path);
    expect(diff?.files).toBe(2);
    expect(snapshotOf(path)).toEqual(before);
    expect(readdirSync(temporary)).toEqual([]);
    // It was there that it worked: without the directory it cannot.
    rmSync(temporary, { recursive: true });
    await expect(fixture.read(path)).rejects.toThrow(/cannot be read: ENOENT/);
  });

  it('not even where it is refused or fails', async () => {
    const path = fixture.repository(fixture.workspace);
    fixture.write(path, { 'a.txt': 'changed\n', '.git/index': 'broken' });
    const before = snapshotOf(path);
    await expect(fixture.read(path)).rejects.toThrow(/^git cannot read its index: /);
    expect(snapshotOf(path)).toEqual(before);
  });
});

describe('bounds', () => {
  it('a diff above the limit is left out; the state is still dirty', async () => {
    const path = fixture.repository(fixture.workspace);
    fixture.write(path, { 'new.txt': 'x'.repeat(5_000) });
    const reading = await fixture.read(path, { maxDiffBytes: 4_096 });
    expect(reading).toMatchObject({
      state: { isDirty: true, diffLeftOut: 'the diff is larger than 4096 bytes' },
    });
    expect(reading).not.toHaveProperty('diff');
  });

  it('more changed files than can be kept are not read', async () => {
    const path = fixture.repository(fixture.workspace);
    mkdirSync(join(path, 'many'));
    for (let at = 0; at <= 10_000; at += 1) writeFileSync(join(path, 'many', String(at)), '');
    const { state } = await fixture.read(path);
    expect(state).toMatchObject({ isDirty: true, diffLeftOut: 'more than 10000 files changed' });
  });

  it('huge files are not even hashed', async () => {
    const path = fixture.repository(fixture.workspace);
    fixture.write(path, { huge: '' });
    truncateSync(join(path, 'huge'), 268_435_457);
    const { state } = await fixture.read(path);
    expect(state.diffLeftOut).toBe('the changed files are larger than 268435456 bytes');
    expect(state.isDirty).toBe(true);
  });
});

describe('no repository', () => {
  it.each([
    ['a plain directory', '.', /workspace is in no git repository$/],
    ['nothing', 'missing', /missing does not exist or is not a directory$/],
  ])('%s is refused', async (_, directory, message) => {
    await expect(fixture.read(directory)).rejects.toThrow(message);
  });

  it('a bare one is refused', async () => {
    fixture.git(fixture.workspace, ['init', '--quiet', '--bare', 'bare.git']);
    await expect(fixture.read('bare.git')).rejects.toThrow(/is in no work tree of a git/);
  });

  it('a git directory is refused', async () => {
    const path = fixture.repository(fixture.workspace);
    await expect(fixture.read(join(path, '.git'))).rejects.toThrow(/no work tree/);
  });
});

describe('git itself', () => {
  it('that is not installed is named, and so is one that cannot be started', async () => {
    fixture.repository(fixture.workspace);
    const environment = { PATH: `.:${fixture.home}` };
    await expect(fixture.read('.', { environment })).rejects.toThrow('git was not found on PATH');
    const git = join(fixture.base, 'no-git');
    await expect(fixture.read('.', { git })).rejects.toThrow(/^git cannot be run: .*ENOENT/);
  });

  it('that fails on the files leaves commit, branch and the fact that something changed', async () => {
    const path = fixture.repository(fixture.workspace);
    fixture.write(path, { 'a.txt': 'changed\n' });
    const git = fixture.program(
      'failing-git',
      'case "$*" in *update-index*) echo "fatal: no space left" >&2; exit 128;; esac\nexec git "$@"',
    );
    const reading = await fixture.read(path, { git });
    expect(reading.state).toMatchObject({
      branch: 'main',
      isDirty: true,
      diffLeftOut: 'git could not read every changed file: fatal: no space left',
    });
  });

  // To root every file is readable.
  it.skipIf(process.getuid?.() === 0)('files it may not read are named', async () => {
    const path = fixture.repository(fixture.workspace);
    fixture.write(path, { 'private.txt': 'private', 'new.txt': 'new' });
    chmodSync(join(path, 'private.txt'), 0o000);
    const { state, diff } = await fixture.read(path);
    expect(state.diffLeftOut).toBe('files that cannot be read are not kept: "private.txt"');
    expect(diff?.files).toBe(1);
  });

  it('that refuses a name says so', async () => {
    const path = fixture.repository(fixture.workspace);
    fixture.write(path, { 'git~1': 'x' });
    const { state } = await fixture.read(path);
    expect(state.isDirty).toBe(true);
    expect(state.diffLeftOut).toMatch(/Ignoring path git~1/);
  });
});
