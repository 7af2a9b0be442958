import {
  accessSync,
  constants,
  lstatSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  type Stats,
} from 'node:fs';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import { usageFailure, type CliFailure } from '../cli-failure.ts';

const MAX_FILE_BYTES = 64 * 2 ** 20;
const MAX_LINKS = 40;

/** A client's configuration file as it stands. */
export interface ConfigurationFile {
  /** Where the client looks for it. */
  readonly path: string;
  /** What a symbolic link there leads to in the end, else `path`: this is what is read and replaced. */
  readonly target: string;
  /** Absent: there is no file. */
  readonly found?: { readonly bytes: Buffer; readonly stats: Stats };
}

/** Throws a failure that names the file when it is there and cannot be read as a file. Changes nothing. */
export function readConfigurationFile(path: string): ConfigurationFile {
  try {
    const target = followLinks(path);
    return { path, target, ...readIfThere(target) };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw fileFailure(path, `cannot be read: ${error.message}`);
  }
}

/** Throws a failure when the file must not or cannot be replaced. Also for root, who could. */
export function refuseReadOnly({ path, target, found }: ConfigurationFile): void {
  if (found === undefined) return;
  const isProtected = (found.stats.mode & 0o222) === 0;
  try {
    accessSync(target, constants.W_OK);
    if (!isProtected) return;
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
  throw fileFailure(path, 'is read-only: what made it so wants to be asked first');
}

export function fileFailure(path: string, problem: string): CliFailure {
  return usageFailure(
    `${path} ${problem}`,
    'Correct that, then run the same command again; --dry-run shows what it would change.',
    'unusable_client_configuration',
  );
}

export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && 'syscall' in error;
}

/**
 * Where the kernel would end, but the last link may lead to a file that is still to be made. A link's text counts from the
 * directory that the link really stands in, and its `..` from where the directories before it lead to.
 */
function followLinks(path: string): string {
  let target = path;
  for (let followed = 0; followed < MAX_LINKS; followed += 1) {
    if (lstatSync(target, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return target;
    const text = readlinkSync(target);
    // Not `join`, which would take `..` for a step back in the text.
    const led = isAbsolute(text) ? text : `${realDirectory(dirname(target))}${sep}${text}`;
    target = join(realDirectory(dirname(led)), basename(led));
  }
  throw fileFailure(path, 'is a symbolic link that leads in a circle');
}

/** What is not there yet counts from the last directory that is. */
function realDirectory(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOENT') throw error;
    return join(realDirectory(dirname(path)), basename(path));
  }
}

function readIfThere(target: string): Pick<ConfigurationFile, 'found'> {
  const stats = statSync(target, { throwIfNoEntry: false });
  if (stats === undefined) return {};
  if (stats.isDirectory()) throw fileFailure(target, 'is a directory, and must be a file');
  if (!stats.isFile()) throw fileFailure(target, 'is not a regular file');
  if (stats.size > MAX_FILE_BYTES)
    throw fileFailure(target, `is larger than ${MAX_FILE_BYTES} bytes`);
  return { found: { bytes: readFileSync(target), stats } };
}
