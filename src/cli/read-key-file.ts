import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { CliFailure, notFound, usageFailure } from './cli-failure.ts';
import { EXIT } from './exit-codes.ts';

const MAX_KEY_FILE_BYTES = 4_096;
const MODE_OF_OTHERS = 0o077;

/** The first line of a file that only its owner may read. The same open file is checked and read; nothing of it is told. */
export function readKeyFile(path: string, cwd: string): string {
  const file = open(resolve(cwd, path), path);
  try {
    const stat = fstatSync(file);
    if (stat.isDirectory())
      throw usageFailure(`--key-file ${path} is a directory`, 'Name the file with the key.');
    // Windows has no such modes: Node answers the same ones for every file there.
    if (process.platform !== 'win32' && (stat.mode & MODE_OF_OTHERS) !== 0)
      throw new CliFailure({
        exitCode: EXIT.refused,
        code: 'key_file_not_private',
        message: `--key-file ${path} may be read or changed by others (mode ${(stat.mode & 0o777).toString(8)})`,
        changed: 'nothing',
        next: `chmod 600 ${path} (and make a new key if others may have read it).`,
      });
    const key = readStart(file).split('\n', 1)[0]?.trim() ?? '';
    if (key === '')
      throw usageFailure(`--key-file ${path} holds no key`, 'baton keys create NAME makes one.');
    return key;
  } finally {
    closeSync(file);
  }
}

function open(file: string, path: string): number {
  try {
    return openSync(file, 'r');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw notFound('unreadable_file', `--key-file ${path} cannot be read: ${reason}`, 'Check it.');
  }
}

/** A pipe gives its content piece by piece. */
function readStart(file: number): string {
  const buffer = Buffer.alloc(MAX_KEY_FILE_BYTES);
  let length = 0;
  for (let read = -1; read !== 0 && length < buffer.length; length += read)
    read = readSync(file, buffer, length, buffer.length - length, null);
  return buffer.toString('utf8', 0, length);
}
