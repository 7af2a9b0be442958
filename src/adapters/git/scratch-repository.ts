import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { devNull, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGit, type Git, type GitCall, type GitEnd } from './git-process.ts';
import {
  PATTERN_FILES,
  type RepositoryConfig,
  type RepositoryLocation,
} from './locate-repository.ts';
import { copyRegularFile } from './regular-file.ts';

/** Git on the user's work tree, with a git directory that is ours. */
export type ScratchGit = (call: Omit<GitCall, 'cwd'>) => Promise<GitEnd>;

/** What decides how file content and names are compared. Nothing here names a program. */
const COPIED_SETTINGS = [
  ...['core.autocrlf', 'core.eol', 'core.filemode', 'core.ignorecase', 'core.symlinks'],
  ...['core.precomposeunicode', 'core.trustctime', 'core.checkstat', 'core.longpaths'],
];

/** Index and what it shares, together; patterns each. */
const MAX_INDEX_BYTES = 268_435_456;
const MAX_PATTERNS_BYTES = 1_048_576;

/** The stored time of the copy is made by this much older: Node's times are fractions of a second, rounded. */
const TIME_PRECISION_SECONDS = 2e-6;

interface ScratchProgram {
  /** Absolute path of git. */
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * Gives `body` a git that sees the work tree through a temporary git directory: a copy of the index, the objects
 * borrowed (alternates), new ones kept apart. So nothing of the user's repository can change, and nothing in its
 * configuration can run a program: hooks, filters, file system monitors, diff drivers and remote helpers of
 * `.git/config` are not there (the idea of gitsecurityboundary(7), without the cost of a clone). The directory is
 * removed at the end, also when `signal` ends the work; if the process dies midway, it stays in the system's temporary
 * directory.
 */
export async function withScratchRepository<Result>(
  { file, env, signal }: ScratchProgram,
  location: RepositoryLocation,
  body: (git: ScratchGit) => Promise<Result>,
): Promise<Result> {
  const scratch = await mkdtemp(join(tmpdir(), 'baton-git-'));
  try {
    await fill(scratch, location, signal);
    const scratchEnv = {
      ...env,
      GIT_DIR: scratch,
      GIT_WORK_TREE: location.root,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: quoted(join(location.commonDirectory, 'objects')),
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: join(scratch, 'no-config'),
    };
    const git = createGit(file, scratchEnv, { signal });
    return await body(onWorkTree(git, location, scratch));
  } finally {
    // A git that was just killed may have written until now.
    await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
  }
}

function onWorkTree(git: Git, { root, config }: RepositoryLocation, scratch: string): ScratchGit {
  const settings = settingsOf(config, scratch);
  return (call) => git({ ...call, args: [...settings, ...call.args], cwd: root });
}

function settingsOf(config: RepositoryConfig, scratch: string): string[] {
  const copied = COPIED_SETTINGS.flatMap((key) => {
    const value = config.get(key);
    return value === undefined ? [] : [`${key}=${value}`];
  });
  const fixed = [
    ...['core.fsmonitor=false', 'core.hooksPath=/dev/null', 'core.untrackedCache=false'],
    // A warning about line ends must not become an error.
    ...['core.safecrlf=false', 'core.splitIndex=false', 'core.quotePath=true'],
  ];
  const patterns = PATTERN_FILES.filter((key) => config.has(key)).map(
    (key) => `${key}=${join(scratch, key)}`,
  );
  return [...copied, ...patterns, ...fixed].flatMap((setting) => ['-c', setting]);
}

async function fill(
  scratch: string,
  location: RepositoryLocation,
  signal: AbortSignal,
): Promise<void> {
  const { gitDirectory, commonDirectory, config } = location;
  await mkdir(join(scratch, 'objects'));
  await mkdir(join(scratch, 'refs'));
  await mkdir(join(scratch, 'info'));
  await writeFile(join(scratch, 'HEAD'), 'ref: refs/heads/none\n');
  await writeFile(join(scratch, 'no-config'), '');
  await writeFile(join(scratch, 'config'), formatOf(config));
  const limits = { maxBytes: MAX_PATTERNS_BYTES, signal };
  for (const name of ['exclude', 'attributes'])
    await copyRegularFile(join(commonDirectory, 'info', name), join(scratch, 'info', name), limits);
  // The repository may have named one without end: git would read it into memory.
  for (const key of PATTERN_FILES) {
    const file = config.get(key) ?? devNull;
    if (file !== devNull) await copyRegularFile(file, join(scratch, key), limits);
  }
  await copyIndex(gitDirectory, scratch, signal);
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
async function copyIndex(
  gitDirectory: string,
  scratch: string,
  signal: AbortSignal,
): Promise<void> {
  let maxBytes = MAX_INDEX_BYTES;
  const copy = async (name: string) => {
    const limits = { maxBytes, signal };
    const copied = await copyRegularFile(join(gitDirectory, name), join(scratch, name), limits);
    maxBytes -= copied?.size ?? 0;
    return copied;
  };
  const index = await copy('index');
  if (index === undefined) return;
  // A split index names a part that it shares with earlier ones.
  for (const name of await readdir(gitDirectory))
    if (name.startsWith('sharedindex.')) await copy(name);
  const seconds = index.mtimeMs / 1_000 - TIME_PRECISION_SECONDS;
  await utimes(join(scratch, 'index'), seconds, seconds);
}
