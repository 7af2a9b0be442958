import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GitFixture } from './git-fixture.ts';

let fixture: GitFixture;
let path: string;
/** Written by every program that must not run. */
let witness: string;
let trap: string;

beforeEach(() => {
  fixture = new GitFixture();
  path = fixture.repository(fixture.workspace);
  witness = join(fixture.base, 'witness');
  trap = fixture.program('trap', `echo "$0 $*" >> '${witness}'`);
});
afterEach(() => fixture.dispose());

function configure(settings: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(settings)) fixture.git(path, ['config', key, value]);
}

function expectNothingRan(): void {
  expect(existsSync(witness) ? readFileSync(witness, 'utf8') : '').toBe('');
}

/** The traps are none if nothing can fall into them. */
function expectTrapWorks(args: readonly string[]): void {
  fixture.tryGit(path, args);
  expect(existsSync(witness)).toBe(true);
}

describe('no program of the repository is run', () => {
  it('as a file system monitor', async () => {
    configure({ 'core.fsmonitor': trap });
    fixture.write(path, { 'a.txt': 'changed\n' });
    expect((await fixture.read(path)).diff?.files).toBe(1);
    expectNothingRan();
    expectTrapWorks(['status']);
  });

  it('as a hook, wherever the hooks lie', async () => {
    configure({ 'core.hooksPath': join(path, 'hooks') });
    for (const directory of [join(path, 'hooks'), join(path, '.git', 'hooks')]) {
      mkdirSync(directory, { recursive: true });
      for (const hook of ['post-index-change', 'fsmonitor-watchman', 'post-checkout']) {
        writeFileSync(join(directory, hook), `#!/bin/sh\nexec '${trap}' ${hook}\n`);
        chmodSync(join(directory, hook), 0o755);
      }
    }
    fixture.write(path, { 'a.txt': 'changed\n' });
    expect((await fixture.read(path)).diff?.files).toBe(3 + 1);
    expectNothingRan();
    expectTrapWorks(['add', '-A']);
  });

  it('to show differences', async () => {
    configure({ 'diff.external': trap, 'diff.x.command': trap, 'diff.x.textconv': trap });
    fixture.write(path, { 'a.txt': 'changed\n', '.gitattributes': '*.txt diff=x\n' });
    expect(String((await fixture.read(path)).diff?.content)).toContain('+changed');
    expectNothingRan();
    expectTrapWorks(['diff']);
  });

  it('to fetch what a partial clone lacks', async () => {
    const blob = fixture.git(path, ['rev-parse', 'HEAD:a.txt']).trim();
    rmSync(join(path, '.git', 'objects', blob.slice(0, 2), blob.slice(2)));
    configure({
      'remote.origin.url': `ext::${trap}`,
      'remote.origin.promisor': 'true',
      'remote.origin.partialclonefilter': 'blob:none',
      'core.repositoryFormatVersion': '1',
      'extensions.partialClone': 'origin',
      'protocol.allow': 'always',
    });
    fixture.write(path, { 'a.txt': 'changed\n' });
    const { state, diff } = await fixture.read(path);
    expect(diff).toBeUndefined();
    expect(state).toMatchObject({ isDirty: true });
    expect(state.diffLeftOut).toMatch(/^git could not write the diff: /);
    expectNothingRan();
    expectTrapWorks(['diff']);
  });

  it.each(['clean', 'process'])('as a %s filter; its files are named, not kept', async (kind) => {
    configure({ [`filter.a=b.${kind}`]: trap, 'filter.a=b.required': 'true' });
    fixture.write(path, {
      '.gitattributes': '*.secret filter=a=b\n',
      'key.secret': 'in clear\n',
      'b.txt': 'b\n',
    });
    const { state, diff } = await fixture.read(path);
    expect(state).toMatchObject({
      isDirty: true,
      diffLeftOut: 'files that pass through a git filter are not kept: "key.secret"',
    });
    expect(diff?.files).toBe(2);
    expect(String(diff?.content)).not.toContain('in clear');
    expectNothingRan();
    expectTrapWorks(['add', '-A']);
  });

  it("as the user's own filter, whose attributes this clone has for itself", async () => {
    fixture.git(path, ['config', '--global', 'filter.lfs.clean', trap]);
    fixture.write(path, { '.git/info/attributes': '*.bin filter=lfs\n', 'x.bin': 'x' });
    const reading = await fixture.read(path);
    expect(reading.state.diffLeftOut).toMatch(/git filter are not kept: "x.bin"$/);
    expect(reading).not.toHaveProperty('diff');
    expectNothingRan();
  });

  it('inside a submodule', async () => {
    const library = fixture.repository(join(fixture.outside, 'library'));
    fixture.git(path, ['submodule', '--quiet', 'add', library, 'lib']);
    fixture.commit(path);
    fixture.git(join(path, 'lib'), ['config', 'core.fsmonitor', trap]);
    fixture.write(path, { 'lib/a.txt': 'changed\n' });
    expect((await fixture.read(path)).state.isDirty).toBe(false);
    expectNothingRan();
    expectTrapWorks(['status']);
  });

  it('that is called git and lies in the repository', async () => {
    writeFileSync(join(path, 'git'), `#!/bin/sh\nexec '${trap}'\n`);
    chmodSync(join(path, 'git'), 0o755);
    const environment = { ...fixture.environment, PATH: `.::${fixture.environment.PATH ?? ''}` };
    expect((await fixture.read(path, { environment })).diff?.files).toBe(1);
    expectNothingRan();
  });
});

describe("the caller's variables", () => {
  it('do not lead git elsewhere', async () => {
    const other = fixture.repository(join(fixture.outside, 'other'));
    const environment = {
      ...fixture.environment,
      GIT_DIR: join(other, '.git'),
      GIT_WORK_TREE: other,
      GIT_INDEX_FILE: join(other, '.git', 'index'),
      GIT_EXTERNAL_DIFF: trap,
    };
    fixture.write(path, { 'a.txt': 'changed\n' });
    const { state, diff } = await fixture.read(path, { environment });
    expect(state.path).toBe(path);
    expect(diff?.files).toBe(1);
    expectNothingRan();
  });
});

describe('only what lies in the workspace or the roots is read', () => {
  const OUTSIDE = /lies outside the workspace .*add it to "shell\.roots"/;

  it('a directory elsewhere is refused, there or not; a root allows it', async () => {
    const other = fixture.repository(join(fixture.outside, 'other'));
    await expect(fixture.read(other)).rejects.toThrow(OUTSIDE);
    await expect(fixture.read('../outside/other')).rejects.toThrow(OUTSIDE);
    await expect(fixture.read(join(fixture.outside, 'none'))).rejects.toThrow(OUTSIDE);
    expect((await fixture.read(other, { roots: [fixture.outside] })).state.path).toBe(other);
  });

  it('a link that leads out is refused', async () => {
    symlinkSync(fixture.repository(join(fixture.outside, 'other')), join(path, 'link'));
    await expect(fixture.read('link')).rejects.toThrow(OUTSIDE);
  });

  it('a repository whose root lies above the workspace is refused', async () => {
    fixture.repository(fixture.outside);
    mkdirSync(join(fixture.outside, 'part'));
    const reading = fixture.read(join(fixture.outside, 'part'), {
      roots: [join(fixture.outside, 'part')],
    });
    await expect(reading).rejects.toThrow(OUTSIDE);
  });

  it('a work tree that the configuration puts elsewhere is refused', async () => {
    fixture.write(fixture.outside, { 'secret.txt': 'secret' });
    configure({ 'core.worktree': fixture.outside });
    await expect(fixture.read(join(path, '.'))).rejects.toThrow(/lies outside|no work tree/);
  });

  it.each([
    [
      'a file that names it',
      (git: string) => writeFileSync(join(path, '.git'), `gitdir: ${git}\n`),
    ],
    ['a link', (git: string) => symlinkSync(git, join(path, '.git'))],
  ])("another repository's git directory is refused: %s", async (_, borrow) => {
    const other = fixture.repository(join(fixture.outside, 'other'));
    rmSync(join(path, '.git'), { recursive: true });
    borrow(join(other, '.git'));
    await expect(fixture.read(path)).rejects.toThrow(OUTSIDE);
  });

  it('a git directory that borrows the common part of another is refused', async () => {
    const other = fixture.repository(join(fixture.outside, 'other'));
    writeFileSync(join(path, '.git', 'commondir'), `${join(other, '.git')}\n`);
    await expect(fixture.read(path)).rejects.toThrow(OUTSIDE);
  });

  it('a git directory moved elsewhere is refused until it is allowed', async () => {
    const moved = join(fixture.outside, 'moved.git');
    renameSync(join(path, '.git'), moved);
    writeFileSync(join(path, '.git'), `gitdir: ${moved}\n`);
    await expect(fixture.read(path)).rejects.toThrow(OUTSIDE);
    expect((await fixture.read(path, { roots: [moved] })).state.isDirty).toBe(false);
  });
});

describe('what a repository reads from elsewhere', () => {
  const OUTSIDE = /lies outside the workspace .*add it to "shell\.roots"/;
  let other: string;
  beforeEach(() => {
    // A clone: with what it is lent, the repository works.
    fixture.git(path, ['clone', '--quiet', path, join(fixture.outside, 'other')]);
    other = join(fixture.outside, 'other', '.git');
    fixture.write(path, { 'a.txt': 'changed\n' });
  });
  const linkOut = (name: string): void => {
    rmSync(join(path, '.git', name), { recursive: true, force: true });
    symlinkSync(join(other, name), join(path, '.git', name));
  };
  const linkAnObject = (): string => {
    const object = fixture.git(other, ['rev-parse', 'HEAD:a.txt']).trim();
    const directory = join('objects', object.slice(0, 2));
    mkdirSync(join(path, '.git', directory), { recursive: true });
    return join(directory, object.slice(2));
  };

  it.each(['objects', 'index', 'refs', 'refs/heads', 'info', 'objects/pack'])(
    'by a link is refused: %s; a root allows it',
    async (name) => {
      linkOut(name);
      await expect(fixture.read(path)).rejects.toThrow(OUTSIDE);
      expect((await fixture.read(path, { roots: [other] })).state.isDirty).toBe(true);
    },
  );

  it('by a link to one object is refused', async () => {
    linkOut(linkAnObject());
    await expect(fixture.read(path)).rejects.toThrow(OUTSIDE);
  });

  it('by a link of a link is refused', async () => {
    const store = join(path, 'store');
    renameSync(join(path, '.git', 'objects'), store);
    symlinkSync(store, join(path, '.git', 'objects'));
    expect((await fixture.read(path)).diff).toBeDefined();
    rmSync(join(store, 'pack'), { recursive: true });
    symlinkSync(join(other, 'objects', 'pack'), join(store, 'pack'));
    await expect(fixture.read(path)).rejects.toThrow(OUTSIDE);
  });

  it.each(['absolute', 'relative'])(
    'by borrowing is refused, %s; a root allows it',
    async (how) => {
      const place =
        how === 'absolute' ? join(other, 'objects') : '../../../outside/other/.git/objects';
      fixture.write(path, { '.git/objects/info/alternates': `# of\n${place}\n` });
      await expect(fixture.read(path)).rejects.toThrow(OUTSIDE);
      expect((await fixture.read(path, { roots: [other] })).state.isDirty).toBe(true);
    },
  );

  it('by borrowing from a neighbour that borrows is refused; from the neighbour alone it is read', async () => {
    const near = fixture.repository(join(fixture.workspace, 'near'));
    fixture.write(path, { '.git/objects/info/alternates': '../../near/.git/objects\n' });
    expect((await fixture.read(path)).diff).toBeDefined();
    fixture.write(near, { '.git/objects/info/alternates': `${join(other, 'objects')}\n` });
    await expect(fixture.read(path)).rejects.toThrow(OUTSIDE);
  });

  it.each([
    ['in quotes', Buffer.from('"/a\\142c"\n'), /in quotes/],
    ['in no UTF-8', Buffer.from([0x2f, 0xff]), /is not UTF-8/],
    ['without end', Buffer.alloc(65_537, '#'), /is larger than/],
  ])('by borrowing is refused where the path is %s', async (_, content, message) => {
    fixture.write(path, { '.git/objects/info/alternates': content });
    await expect(fixture.read(path)).rejects.toThrow(message);
  });
});

describe('nothing that waits is waited for', () => {
  let temporary: string;
  beforeEach(() => {
    temporary = join(fixture.base, 'temporary');
    mkdirSync(temporary);
    vi.stubEnv('TMPDIR', temporary);
    fixture.git(path, ['update-index', '--split-index']);
    fixture.write(path, { 'a.txt': 'changed\n' });
  });
  afterEach(() => vi.unstubAllEnvs());

  it.each([
    ...['index', 'sharedindex.0', 'info/exclude', 'info/attributes', 'objects/info/alternates'],
    ...['packed-refs', 'refs/heads/main', 'objects/pack/x.idx'],
  ])('a FIFO at %s is refused', async (name) => {
    fixture.fifo(join(path, '.git', name));
    const refusal = /is not a regular file$|is neither a file nor a directory$/;
    await expect(fixture.read(path)).rejects.toThrow(refusal);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('a FIFO in the place of the file that names a linked work tree is refused', async () => {
    const linked = join(fixture.workspace, 'linked');
    const main = fixture.repository(join(fixture.outside, 'main'));
    fixture.git(main, ['worktree', 'add', '--quiet', linked]);
    fixture.fifo(join(main, '.git', 'worktrees', 'linked', 'gitdir'));
    await expect(fixture.read(linked)).rejects.toThrow(/gitdir is not a regular file$/);
  });

  it.each(['.gitignore', '.gitattributes', '.git/HEAD', '.git/config'])(
    'a FIFO at %s, which git opens itself, ends with the reading',
    async (name) => {
      fixture.fifo(join(path, name));
      const reading = fixture.read(path, { timeoutMs: 1_000 });
      await expect(reading).rejects.toThrow(/^reading the repository of .* took longer than 1 s$/);
      expect(readdirSync(temporary)).toEqual([]);
    },
  );

  it.each(['core.attributesFile', 'core.excludesFile'])(
    '%s without end is refused',
    async (key) => {
      configure({ [key]: '/dev/zero' });
      await expect(fixture.read(path)).rejects.toThrow('/dev/zero is not a regular file');
      configure({ [key]: '/dev/null' });
      expect((await fixture.read(path)).diff?.files).toBe(1);
      expect(readdirSync(temporary)).toEqual([]);
    },
  );

  it('calls of git that are slow each, but not too slow, end with the reading too', async () => {
    const git = fixture.program('slow-git', 'sleep 0.2; exec git "$@"');
    const reading = fixture.read(path, { git, timeoutMs: 1_500 });
    await expect(reading).rejects.toThrow(/took longer than 1\.5 s$/);
    expect(readdirSync(temporary)).toEqual([]);
  });
});

describe('changes that are hard to see', () => {
  it('of the same size within the time that the index was written are found', async () => {
    const index = join(path, '.git', 'index');
    const now = new Date(1_600_000_000_000);
    fixture.write(path, { 'b.txt': 'aaa\n' });
    utimesSync(join(path, 'b.txt'), now, now);
    fixture.git(path, ['config', 'core.trustctime', 'false']);
    fixture.commit(path);
    fixture.write(path, { 'b.txt': 'bbb\n' });
    utimesSync(join(path, 'b.txt'), now, now);
    utimesSync(index, now, now);
    const { diff } = await fixture.read(path);
    expect(String(diff?.content)).toContain('+bbb');
  });
});
