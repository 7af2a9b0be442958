import { dirname, join, resolve } from 'node:path';
import { RepositoryError } from '../../ports/repository-reader.ts';
import { complaintOf, type Git, type GitEnd } from './git-process.ts';
import { isInside, realPathOf, type Jail } from './jail.ts';
import { readRegularFile } from './regular-file.ts';

export interface RepositoryLocation {
  /** Root of the work tree. */
  readonly root: string;
  /** Holds index and HEAD: of its own for a linked work tree. */
  readonly gitDirectory: string;
  /** Holds objects, branches, configuration. */
  readonly commonDirectory: string;
  readonly config: RepositoryConfig;
}

/**
 * The effective values (of system, user and repository), by key; those that git gives several times: the last. Those of
 * PATTERN_FILES are absolute paths.
 */
export type RepositoryConfig = ReadonlyMap<string, string>;

/** Settings that name a file of patterns, wherever it lies. */
export const PATTERN_FILES = ['core.excludesfile', 'core.attributesfile'] as const;

const MAX_PATH_BYTES = 65_536;
const MAX_CONFIG_BYTES = 1_048_576;

/** These calls run no program that a configuration names; said again for the day one does. */
const DISCOVERY = [
  ...['-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null'],
  // A directory that only looks like a bare repository may have come in as files of another one.
  ...['-c', 'safe.bareRepository=explicit'],
];

/**
 * Finds the repository that holds `directory`. A repository may name any place as its work tree or git directory, so
 * both must lie in the jail; a git directory elsewhere is accepted if it names this work tree itself, as those of
 * linked work trees and submodules do. What lies inside the git directory: see `requireOwnFiles`.
 */
export async function locateRepository(
  git: Git,
  directory: string,
  jail: Jail,
): Promise<RepositoryLocation> {
  const ask = async (option: string): Promise<string> =>
    pathIn(await run(git, directory, ['rev-parse', option]), directory);
  const root = await ask('--show-toplevel');
  if (!jail.holds(root)) throw jail.refusal(`the repository ${root} that holds ${directory}`);
  const gitDirectory = await ask('--absolute-git-dir');
  const commonDirectory = await ask('--git-common-dir');
  const config = await readConfig(git, root);
  if (!(await mayRead(jail, { root, gitDirectory, commonDirectory, config })))
    throw jail.refusal(`the git directory ${commonDirectory} of ${root}`);
  return { root, gitDirectory, commonDirectory, config };
}

async function mayRead(jail: Jail, location: RepositoryLocation): Promise<boolean> {
  const { root, gitDirectory, commonDirectory, config } = location;
  if (jail.holds(gitDirectory) && jail.holds(commonDirectory)) return true;
  // Its own files decide, so those must be out of the reach of whoever writes in the jail.
  if (jail.holds(gitDirectory) || !isInside(gitDirectory, commonDirectory)) return false;
  const link = await readRegularFile(join(gitDirectory, 'gitdir'), MAX_PATH_BYTES);
  const named =
    link === undefined
      ? config.get('core.worktree')
      : dirname(resolve(gitDirectory, link.replace(/\n$/, '')));
  return named !== undefined && (await realPathOf(resolve(gitDirectory, named))) === root;
}

async function run(git: Git, cwd: string, args: readonly string[]): Promise<GitEnd> {
  return git({ args: [...DISCOVERY, ...args], cwd, maxOutputBytes: MAX_PATH_BYTES });
}

async function pathIn(end: GitEnd, directory: string): Promise<string> {
  if (end.exitCode !== 0) throw discoveryError(end, directory);
  const path = await realPathOf(resolve(directory, end.stdout.toString('utf8').replace(/\n$/, '')));
  if (path === undefined)
    throw new RepositoryError(`a path of the repository that holds ${directory} cannot be read`);
  return path;
}

function discoveryError(end: GitEnd, directory: string): RepositoryError {
  if (/not a git repository/.test(end.stderr))
    return new RepositoryError(`${directory} is in no git repository`);
  if (/must be run in a work tree|cannot use bare repository/.test(end.stderr))
    return new RepositoryError(`${directory} is in no work tree of a git repository`);
  return new RepositoryError(`git cannot read the repository of ${directory}: ${complaintOf(end)}`);
}

async function readConfig(git: Git, directory: string): Promise<RepositoryConfig> {
  const args = [...DISCOVERY, 'config', '--list', '-z'];
  const end = await git({ args, cwd: directory, maxOutputBytes: MAX_CONFIG_BYTES });
  if (end.isCut)
    throw new RepositoryError(`the git configuration is larger than ${MAX_CONFIG_BYTES} bytes`);
  if (end.exitCode !== 0) throw discoveryError(end, directory);
  const entries = end.stdout.toString('utf8').split('\0').filter(Boolean);
  const config = new Map(
    entries.map((entry): [string, string] => {
      const at = entry.indexOf('\n');
      return at < 0 ? [entry, 'true'] : [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
  for (const key of PATTERN_FILES)
    if (config.has(key)) config.set(key, await readPath(git, directory, key));
  return config;
}

/** What `~` and a relative path mean is for git to say. */
async function readPath(git: Git, root: string, key: string): Promise<string> {
  const end = await run(git, root, ['config', '-z', '--type=path', '--get', key]);
  if (end.exitCode !== 0) throw discoveryError(end, root);
  return resolve(root, end.stdout.toString('utf8').replace(/\0$/, ''));
}

export interface Head {
  readonly commit?: string;
  readonly branch?: string;
}

export async function readHead(git: Git, { root }: RepositoryLocation): Promise<Head> {
  // Both end with 1 and say nothing where there is none: before the first commit, or detached.
  const commit = await run(git, root, ['rev-parse', '--verify', '--quiet', 'HEAD']);
  const branch = await run(git, root, ['symbolic-ref', '--quiet', '--short', 'HEAD']);
  for (const end of [commit, branch]) if (end.exitCode > 1) throw discoveryError(end, root);
  return {
    ...(commit.exitCode === 0 && { commit: commit.stdout.toString('latin1').trim() }),
    ...(branch.exitCode === 0 && { branch: branch.stdout.toString('utf8').trim() }),
  };
}
