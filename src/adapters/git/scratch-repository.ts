import { copyFile, mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGit, type Git, type GitCall, type GitEnd } from './git-process.ts';
import type { RepositoryConfig, RepositoryLocation } from './locate-repository.ts';

/** Git on the user's work tree, with a git directory that is ours. */
export type ScratchGit = (call: Omit<GitCall, 'cwd'>) => Promise<GitEnd>;

/** What decides how file content and names are compared. Nothing here names a program. */
const COPIED_SETTINGS = [
  ...['core.autocrlf', 'core.eol', 'core.filemode', 'core.ignorecase', 'core.symlinks'],
  ...['core.precomposeunicode', 'core.trustctime', 'core.checkstat', 'core.longpaths'],
  ...['core.excludesfile', 'core.attributesfile'],
];

/** The stored time of the copy is made by this much older: Node's times are fractions of a second, rounded. */
const TIME_PRECISION_SECONDS = 2e-6;

/**
 * Gives `body` a git that sees the work tree through a temporary git directory: a copy of the index, the objects
 * borrowed (alternates), new ones kept apart. So nothing of the user's repository can change, and nothing in its
 * configuration can run a program: hooks, filters, file system monitors, diff drivers and remote helpers of
 * `.git/config` are not there (the idea of gitsecurityboundary(7), without the cost of a clone). The directory is
 * removed at the end; if the process dies midway, it stays in the system's temporary directory.
 */
export async function withScratchRepository<Result>(
  program: { readonly file: string; readonly env: Readonly<Record<string, string>> },
  location: RepositoryLocation,
  body: (git: ScratchGit) => Promise<Result>,
): Promise<Result> {
  const scratch = await mkdtemp(join(tmpdir(), 'baton-git-'));
  try {
    await fill(scratch, location);
    const git = createGit(program.file, {
      ...program.env,
      GIT_DIR: scratch,
      GIT_WORK_TREE: location.root,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: quoted(join(location.commonDirectory, 'objects')),
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: join(scratch, 'no-config'),
    });
    return await body(onWorkTree(git, location));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function onWorkTree(git: Git, { root, config }: RepositoryLocation): ScratchGit {
  const settings = settingsOf(config);
  return (call) => git({ ...call, args: [...settings, ...call.args], cwd: root });
}

function settingsOf(config: RepositoryConfig): string[] {
  const copied = COPIED_SETTINGS.flatMap((key) => {
    const value = config.get(key);
    return value === undefined ? [] : [`${key}=${value}`];
  });
  const fixed = [
    ...['core.fsmonitor=false', 'core.hooksPath=/dev/null', 'core.untrackedCache=false'],
    // A warning about line ends must not become an error.
    ...['core.safecrlf=false', 'core.splitIndex=false', 'core.quotePath=true'],
  ];
  return [...copied, ...fixed].flatMap((setting) => ['-c', setting]);
}

async function fill(scratch: string, location: RepositoryLocation): Promise<void> {
  const { gitDirectory, commonDirectory, config } = location;
  await mkdir(join(scratch, 'objects'));
  await mkdir(join(scratch, 'refs'));
  await mkdir(join(scratch, 'info'));
  await writeFile(join(scratch, 'HEAD'), 'ref: refs/heads/none\n');
  await writeFile(join(scratch, 'no-config'), '');
  await writeFile(join(scratch, 'config'), formatOf(config));
  for (const name of ['exclude', 'attributes'])
    await copyIfThere(join(commonDirectory, 'info', name), join(scratch, 'info', name));
  await copyIndex(gitDirectory, scratch);
}

function formatOf(config: RepositoryConfig): string {
  const format = config.get('extensions.objectformat');
  return format === 'sha256'
    ? '[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n'
    : '[core]\n\trepositoryformatversion = 0\n';
}

/** As git takes paths in a list, whatever they hold: git(1), GIT_ALTERNATE_OBJECT_DIRECTORIES. */
function quoted(path: string): string {
  const escaped = path.replaceAll(/["\\]/g, String.raw`\$&`).replaceAll('\n', String.raw`\n`);
  return `"${escaped}"`;
}

/**
 * Safe while another git works: it replaces the index as a whole. Git compares the time of the index with that of
 * files to tell which may have changed after it was written; a newer copy would hide those changes.
 */
async function copyIndex(gitDirectory: string, scratch: string): Promise<void> {
  const index = join(gitDirectory, 'index');
  const copy = join(scratch, 'index');
  const before = await stat(index).catch(() => undefined);
  if (before === undefined || !(await copyIfThere(index, copy))) return;
  // A split index names a part that it shares with earlier ones.
  for (const name of await readdir(gitDirectory))
    if (name.startsWith('sharedindex.'))
      await copyIfThere(join(gitDirectory, name), join(scratch, name));
  const seconds = before.mtimeMs / 1_000 - TIME_PRECISION_SECONDS;
  await utimes(copy, seconds, seconds);
}

async function copyIfThere(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
