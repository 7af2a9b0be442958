import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  fileFailure,
  isSystemError,
  readConfigurationFile,
  type ConfigurationFile,
} from './configuration-file.ts';

const LOCK_WAIT_MS = 5_000;
const LOCK_POLL_MS = 20;
const MAX_TRIES = 5;

export interface Replacement {
  /** Absent: nothing was there to keep. */
  readonly backup?: string;
}

export interface ReplaceOptions {
  /** The new content for what the file now holds; `undefined`: nothing to do. May be asked again when the file changes. */
  readonly edit: (file: ConfigurationFile) => Buffer | undefined;
  /** For the name of the backup. */
  readonly now: Date;
  /** Of a file that is made. */
  readonly newFileMode: number;
  /** How long another Baton may take; default 5 s. */
  readonly lockWaitMs?: number;
}

/**
 * Replaces a file whole: a reader sees the old content or the new, never a part. The old content is kept beside it as
 * `FILE.baton-backup-TIME` first; mode and owner stay, and a symbolic link stays one. Two Batons take turns (the new
 * content is written to `FILE.baton-lock`, which only one can make), and what another program writes meanwhile is
 * edited anew, up to the last moment before the rename; that moment itself no one can guard. Hard links are parted.
 *
 * If the process dies midway the file is untouched; `FILE.baton-lock` may stay, and the next run says what to do with it.
 * Throws a failure when nothing could be written; then nothing was changed. `undefined`: there was nothing to do.
 */
export async function replaceFile(
  path: string,
  options: ReplaceOptions,
): Promise<Replacement | undefined> {
  const { target } = readConfigurationFile(path);
  const lock = `${target}.baton-lock`;
  try {
    mkdirSync(dirname(target), { recursive: true });
    const handle = await takeLock(path, lock, options.lockWaitMs ?? LOCK_WAIT_MS);
    // Behind the rename the name of the lock is another's.
    let isMine = true;
    try {
      const done = prepare(path, lock, handle, options);
      if (done === undefined) return undefined;
      renameSync(lock, target);
      isMine = false;
      syncDirectory(dirname(target));
      return done;
    } finally {
      closeSync(handle);
      if (isMine) rmSync(lock, { force: true });
    }
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw fileFailure(path, `cannot be written: ${error.message}`);
  }
}

async function takeLock(path: string, lock: string, lockWaitMs: number): Promise<number> {
  for (let waitedMs = 0; ; waitedMs += LOCK_POLL_MS) {
    try {
      // Nobody else may read it before it has the mode of the file it replaces.
      return openSync(lock, 'wx', 0o600);
    } catch (error) {
      if (!isSystemError(error) || error.code !== 'EEXIST') throw error;
      if (waitedMs >= lockWaitMs)
        throw fileFailure(
          path,
          `is being changed by another "baton connect", or one was killed: ${lock} is there; if none runs, move it away`,
        );
      await sleep(LOCK_POLL_MS);
    }
  }
}

/** Writes the new content into the lock file and the old one into the backup, until both fit what the file holds. */
function prepare(
  path: string,
  lock: string,
  handle: number,
  { edit, now, newFileMode }: ReplaceOptions,
): Replacement | undefined {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const file = readConfigurationFile(path);
    const content = edit(file);
    if (content === undefined) return undefined;
    writeWhole(handle, content);
    giveModeAndOwner(handle, file, newFileMode);
    fsyncSync(handle);
    const backup = file.found && writeBackup(file, file.found.bytes, now);
    if (holds(path, file)) return backup === undefined ? {} : { backup };
    if (backup !== undefined) rmSync(backup);
  }
  throw fileFailure(path, 'was changed by another program each time it was about to be replaced');
}

function holds(path: string, { target, found }: ConfigurationFile): boolean {
  const now = readConfigurationFile(path);
  if (now.target !== target) return false;
  return found === undefined || now.found === undefined
    ? found === now.found
    : found.bytes.equals(now.found.bytes);
}

function writeWhole(handle: number, content: Buffer): void {
  ftruncateSync(handle);
  for (let written = 0; written < content.length;)
    written += writeSync(handle, content, written, content.length - written, written);
}

/** An owner can be given only by root, who needs it: a file of the user's that becomes root's is lost to its client. */
function giveModeAndOwner(handle: number, { found }: ConfigurationFile, newFileMode: number): void {
  if (found === undefined) return fchmodSync(handle, newFileMode);
  const { mode, uid, gid } = found.stats;
  if (process.getuid?.() === 0) fchownSync(handle, uid, gid);
  fchmodSync(handle, mode & 0o7777);
}

/** Never over an older one. */
function writeBackup(file: ConfigurationFile, bytes: Buffer, now: Date): string {
  const time = now.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  for (let number = 1; ; number += 1) {
    const backup = `${file.target}.baton-backup-${time}${number === 1 ? '' : `-${number}`}`;
    try {
      const handle = openSync(backup, 'wx', 0o600);
      try {
        writeWhole(handle, bytes);
        giveModeAndOwner(handle, file, 0o600);
        fsyncSync(handle);
      } finally {
        closeSync(handle);
      }
      return backup;
    } catch (error) {
      if (!isSystemError(error) || error.code !== 'EEXIST') throw error;
    }
  }
}

/** Makes the rename itself outlive a power loss, where the system can (Windows opens no directory). */
function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(directory, constants.O_RDONLY);
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
