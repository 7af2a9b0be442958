import { access, constants, lstat } from 'node:fs/promises';
import { sep } from 'node:path';
import { readSpecialEntries, splitRecords } from './index-entries.ts';
import type { RepositoryConfig, RepositoryLocation } from './locate-repository.ts';
import { requireSuccess } from './require-success.ts';
import type { ScratchGit } from './scratch-repository.ts';

/** More changed files than this are not read. */
export const MAX_CHANGED_FILES = 10_000;
/** Changed files of more bytes together are not read: each is hashed and copied. */
export const MAX_CHANGED_BYTES = 268_435_456;

const MAX_NAMES_BYTES = 16_777_216;
const SLASH = '/'.charCodeAt(0);

/** What differs from the index, as far as it can be kept. Paths in bytes, from the root. */
export interface ChangedFiles {
  readonly kept: readonly Buffer[];
  /** What is not kept, and why; a clause for people each. */
  readonly leftOut: readonly string[];
  /** Something differs that is not in `kept`. */
  readonly differsElsewhere: boolean;
}

export async function findChangedFiles(
  git: ScratchGit,
  location: RepositoryLocation,
): Promise<ChangedFiles> {
  const { unmerged, links } = await readSpecialEntries(git);
  const submodules = await linksOnDisk(location.root, links);
  const inSubmodules = clause('changes inside submodules are not looked at', submodules);
  const found = await listChanged(git);
  if (found === undefined) return tooMany(inSubmodules);
  const changed = unique([...found, ...unmerged]);
  if (changed.length > MAX_CHANGED_FILES) return tooMany(inSubmodules);
  // Git lists another repository that is no submodule as `name/`.
  const nested = changed.filter((path) => path.at(-1) === SLASH);
  const plain = changed.filter((path) => path.at(-1) !== SLASH);
  const filtered = await findFiltered(git, location.config, plain);
  const files = plain.filter((path) => !filtered.has(path));
  const { readable, unreadable, bytes } = await weigh(location.root, files);
  const isTooLarge = bytes > MAX_CHANGED_BYTES;
  return {
    kept: isTooLarge ? [] : readable,
    leftOut: [
      ...clause('repositories inside this one are not kept', nested),
      ...clause('files that pass through a git filter are not kept', [...filtered]),
      ...clause('files that cannot be read are not kept', unreadable),
      ...(isTooLarge ? [`the changed files are larger than ${MAX_CHANGED_BYTES} bytes`] : []),
      ...inSubmodules,
    ],
    differsElsewhere: isTooLarge || nested.length + filtered.size + unreadable.length > 0,
  };
}

function tooMany(others: readonly string[]): ChangedFiles {
  const reason = `more than ${MAX_CHANGED_FILES} files changed`;
  return { kept: [], leftOut: [reason, ...others], differsElsewhere: true };
}

/** `undefined`: too many. Files that git was told not to look at (`--skip-worktree`) count as unchanged. */
async function listChanged(git: ScratchGit): Promise<Buffer[] | undefined> {
  const args = ['ls-files', '-z', '--modified', '--others', '--exclude-standard'];
  const end = await git({ args, maxOutputBytes: MAX_NAMES_BYTES });
  if (end.isCut) return undefined;
  requireSuccess(end, 'list the changed files');
  return splitRecords(end.stdout);
}

/**
 * Those whose stored form only a program can make (git-lfs, git-crypt). No such program is run: the repository may
 * name any. Nor are they kept as they are: a file that is encrypted when stored would stand in the diff in clear.
 */
async function findFiltered(
  git: ScratchGit,
  config: RepositoryConfig,
  paths: readonly Buffer[],
): Promise<Set<Buffer>> {
  const filters = [...config.keys()].flatMap(
    (key) => /^filter\.(.+)\.(?:clean|process)$/s.exec(key)?.[1] ?? [],
  );
  if (filters.length === 0 || paths.length === 0) return new Set();
  const end = await git({
    args: ['check-attr', '-z', '--stdin', 'filter'],
    input: joinRecords(paths),
    maxOutputBytes: 2 * MAX_NAMES_BYTES,
  });
  requireSuccess(end, 'read the attributes of the changed files');
  // Three records each: path, attribute, value; in the order asked.
  const records = splitRecords(end.stdout);
  return new Set(paths.filter((_, at) => filters.includes(String(records[3 * at + 2]))));
}

/** `readable`: in the order for git, which refuses to see a directory where it was just given the files inside. */
async function weigh(root: string, paths: readonly Buffer[]) {
  const directories: Buffer[] = [];
  const readable: Buffer[] = [];
  const unreadable: Buffer[] = [];
  let bytes = 0;
  for (const path of paths) {
    const file = onDisk(root, path);
    const found = await lstat(file).catch(() => undefined);
    const isFile = found?.isFile() === true;
    if (isFile && !(await succeeds(access(file, constants.R_OK)))) unreadable.push(path);
    else if (found?.isDirectory() === true) directories.push(path);
    else readable.push(path);
    if (isFile) bytes += found.size;
  }
  return { readable: [...directories, ...readable], unreadable, bytes };
}

async function linksOnDisk(root: string, links: readonly Buffer[]): Promise<Buffer[]> {
  const git = Buffer.from(`${sep}.git`);
  const there: Buffer[] = [];
  for (const link of links)
    if (await succeeds(lstat(Buffer.concat([onDisk(root, link), git])))) there.push(link);
  return there;
}

/** Names need not be UTF-8. */
function onDisk(root: string, path: Buffer): Buffer {
  return Buffer.concat([Buffer.from(root + sep), path]);
}

async function succeeds(attempt: Promise<unknown>): Promise<boolean> {
  return attempt.then(
    () => true,
    () => false,
  );
}

export function joinRecords(records: readonly Buffer[]): Buffer {
  return Buffer.concat(records.flatMap((record) => [record, Buffer.of(0)]));
}

function unique(paths: readonly Buffer[]): Buffer[] {
  return [...new Map(paths.map((path) => [path.toString('latin1'), path])).values()];
}

const NAMED = 3;

function clause(text: string, paths: readonly Buffer[]): string[] {
  if (paths.length === 0) return [];
  const names = paths.slice(0, NAMED).map((path) => JSON.stringify(String(path)));
  const more = paths.length > NAMED ? ` and ${paths.length - NAMED} more` : '';
  return [`${text}: ${names.join(', ')}${more}`];
}
