import { access } from 'node:fs/promises';
import { join } from 'node:path';
import {
  RepositoryError,
  type RepositoryReader,
  type RepositoryReading,
} from '../../ports/repository-reader.ts';
import { findChangedFiles, joinRecords } from './changed-files.ts';
import { findGit, gitEnvironment } from './git-environment.ts';
import { complaintOf, createGit } from './git-process.ts';
import { createRecordSplitter } from './index-entries.ts';
import { createJail } from './jail.ts';
import { locateRepository, readHead, type RepositoryLocation } from './locate-repository.ts';
import { requireOwnFiles } from './require-own-files.ts';
import { requireSuccess } from './require-success.ts';
import { withScratchRepository, type ScratchGit } from './scratch-repository.ts';

export interface GitRepositoryReaderOptions {
  /** Absolute; relative directories start here. */
  readonly workspace: string;
  /** Directories besides the workspace that may be read. */
  readonly roots: readonly string[];
  /** Where `PATH` and the user's git configuration (`HOME`, `XDG_CONFIG_HOME`) are looked up. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Absolute path of the program. Default: the first on PATH. */
  readonly git?: string;
  /** For one reading as a whole. Default: READING_TIMEOUT_MS. */
  readonly timeoutMs?: number;
}

/** Well within a tool call's 25 s. */
const READING_TIMEOUT_MS = 20_000;

const MAX_LIST_BYTES = 16_777_216;
const MAX_HASH_BYTES = 1_024;

/** State of a merge or rebase that a diff cannot hold. */
const OPERATIONS: readonly (readonly [file: string, name: string])[] = [
  ['MERGE_HEAD', 'a merge'],
  ['CHERRY_PICK_HEAD', 'a cherry-pick'],
  ['REVERT_HEAD', 'a revert'],
  ['rebase-merge', 'a rebase'],
  ['rebase-apply', 'a rebase'],
];

/**
 * Reads repositories with the git that is installed. What git ignores is not looked at, nor what it was told to
 * (`--assume-unchanged`, `--skip-worktree`); staged and unstaged changes become one diff. Runs no program that a
 * repository names, and reads no files of another one: a repository whose index, references or objects lead out of
 * the workspace and roots, by links or by borrowing (alternates), is refused. Each call of git may take GIT_TIMEOUT_MS,
 * a reading READING_TIMEOUT_MS; what takes longer is refused. See `withScratchRepository` for what stays behind if the
 * process dies midway.
 */
export function createGitRepositoryReader(options: GitRepositoryReaderOptions): RepositoryReader {
  const { workspace, roots, environment, timeoutMs = READING_TIMEOUT_MS } = options;
  const env = gitEnvironment(environment);
  return {
    read: (directory, { maxDiffBytes }) =>
      reading(directory, timeoutMs, async (signal) => {
        const jail = await createJail(workspace, roots);
        const start = await jail.enter(directory);
        const file = options.git ?? (await findGit(environment));
        const git = createGit(file, env, { signal });
        const location = await locateRepository(git, start, jail);
        await requireOwnFiles(location, jail, signal);
        const head = await readHead(git, location);
        const difference = await withScratchRepository({ file, env, signal }, location, (scratch) =>
          readDifference(scratch, location, head.commit, maxDiffBytes),
        );
        const { isDirty, diff, leftOut } = difference;
        return {
          state: {
            path: location.root,
            ...head,
            isDirty,
            ...(leftOut.length > 0 && { diffLeftOut: leftOut.join('; ') }),
          },
          ...(diff && { diff }),
        };
      }),
  };
}

interface Difference {
  readonly isDirty: boolean;
  readonly diff?: NonNullable<RepositoryReading['diff']>;
  readonly leftOut: readonly string[];
}

async function readDifference(
  git: ScratchGit,
  location: RepositoryLocation,
  commit: string | undefined,
  maxDiffBytes: number,
): Promise<Difference> {
  const changed = await findChangedFiles(git, location);
  const problems = await addToIndex(git, changed.kept);
  const base = commit ?? (await emptyTree(git));
  const files = await countDifferences(git, base);
  const leftOut = [...problems, ...changed.leftOut, ...(await operationsOf(location))];
  const isDirty = files > 0 || problems.length > 0 || changed.differsElsewhere;
  if (files === 0) return { isDirty, leftOut };
  const content = await readDiff(git, base, maxDiffBytes);
  if (typeof content === 'string') return { isDirty, leftOut: [content, ...leftOut] };
  return { isDirty, diff: { content, files }, leftOut };
}

/** Answers what went wrong: the rest is still worth keeping. */
async function addToIndex(git: ScratchGit, paths: readonly Buffer[]): Promise<string[]> {
  if (paths.length === 0) return [];
  const end = await git({
    args: ['update-index', '-z', '--add', '--remove', '--replace', '--stdin'],
    input: joinRecords(paths),
    maxOutputBytes: MAX_LIST_BYTES,
  });
  const isWhole = end.exitCode === 0 && !end.stderr.includes('Ignoring path');
  return isWhole ? [] : [`git could not read every changed file: ${complaintOf(end)}`];
}

/** Its hash depends on the repository's object format. */
async function emptyTree(git: ScratchGit): Promise<string> {
  const args = ['hash-object', '-t', 'tree', '-w', '--stdin'];
  const end = await git({ args, maxOutputBytes: MAX_HASH_BYTES });
  requireSuccess(end, 'name the empty tree');
  return end.stdout.toString('latin1').trim();
}

const DIFF = ['diff', '--cached', '--no-renames', '--no-ext-diff', '--no-textconv', '--no-color'];

async function countDifferences(git: ScratchGit, base: string): Promise<number> {
  let records = 0;
  const end = await git({
    args: [...DIFF, '--name-only', '-z', base],
    maxOutputBytes: Number.MAX_SAFE_INTEGER,
    onOutput: createRecordSplitter(() => (records += 1)),
  });
  requireSuccess(end, 'compare with the commit');
  return records;
}

/** The diff, or why there is none. */
async function readDiff(git: ScratchGit, base: string, maxBytes: number): Promise<Buffer | string> {
  const prefixes = ['--src-prefix=a/', '--dst-prefix=b/'];
  const args = [...DIFF, '--binary', '--full-index', ...prefixes, base];
  const end = await git({ args, maxOutputBytes: maxBytes });
  if (end.isCut) return `the diff is larger than ${maxBytes} bytes`;
  return end.exitCode === 0 ? end.stdout : `git could not write the diff: ${complaintOf(end)}`;
}

async function operationsOf({ gitDirectory }: RepositoryLocation): Promise<string[]> {
  const found: string[] = [];
  for (const [file, name] of OPERATIONS) {
    const isThere = await access(join(gitDirectory, file)).then(
      () => true,
      () => false,
    );
    if (isThere) found.push(`${name} was under way: its files are kept as they stand, it is not`);
  }
  return found;
}

/** Within the time; whatever goes wrong is told as RepositoryError, except a defect. */
async function reading<Result>(
  directory: string,
  timeoutMs: number,
  body: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const late = new RepositoryError(
    `reading the repository of ${directory} took longer than ${timeoutMs / 1_000} s`,
  );
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(late), timeoutMs);
  try {
    return await body(deadline.signal);
  } catch (error) {
    if (deadline.signal.aborted) throw late;
    if (error instanceof RepositoryError || !(error instanceof Error && 'code' in error))
      throw error;
    // Of the file system: a full disk, a file that may not be read.
    throw new RepositoryError(`the repository of ${directory} cannot be read: ${error.message}`);
  } finally {
    clearTimeout(timer);
  }
}
