import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Refusal } from './refusal.ts';

/** Entries are compared as written: a name never stands for a path, nor a path for a name. */
export function checkAllowList(allow: readonly string[]): void {
  for (const [index, entry] of allow.entries()) {
    if (entry === '' || (entry.includes('/') && !isAbsolute(entry)) || entry.includes('\0')) {
      throw new Error(
        `shell.allow[${index}]: ${JSON.stringify(entry)} is neither a program's name nor an absolute path`,
      );
    }
  }
}

async function isExecutableFile(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

function missing(binary: string, where: string): Refusal {
  return {
    code: 'binary_missing',
    message: `no executable ${JSON.stringify(binary)} found; looked in ${where}`,
  };
}

/**
 * The absolute path of an allowed binary. `searchPath` is the worker's scrubbed PATH: steps may not set one
 * (`refuseEnvironment`), or they could choose the program behind an allowed name and the interpreter behind an allowed
 * script. Relative entries of it are skipped.
 */
export async function resolveBinary(
  binary: string,
  allow: readonly string[],
  searchPath: string,
): Promise<string | Refusal> {
  if (!allow.includes(binary)) {
    return {
      code: 'binary_not_allowed',
      message: `${JSON.stringify(binary)} may not run on this worker; to allow it, add it to "shell.allow" in the configuration (now: ${allow.join(', ') || 'nothing'})`,
    };
  }
  if (isAbsolute(binary)) {
    return (await isExecutableFile(binary)) ? binary : missing(binary, 'that place only');
  }
  const directories = searchPath.split(delimiter).filter((entry) => isAbsolute(entry));
  for (const directory of directories) {
    const candidate = join(directory, binary);
    if (await isExecutableFile(candidate)) return candidate;
  }
  return missing(binary, directories.join(', ') || 'nothing (PATH is empty)');
}
