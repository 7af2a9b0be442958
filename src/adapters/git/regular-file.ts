import { constants, createWriteStream, type Stats } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { RepositoryError } from '../../ports/repository-reader.ts';

/** The text of a small file. `undefined`: there is none. Throws RepositoryError unless it is UTF-8. */
export async function readRegularFile(path: string, maxBytes: number): Promise<string | undefined> {
  const content = await withRegularFile(path, maxBytes, (handle) => handle.readFile());
  try {
    return content && new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    throw new RepositoryError(`${path} is not UTF-8`);
  }
}

/** Answers how the file was that is copied now. `undefined`: there is none. */
export function copyRegularFile(
  from: string,
  to: string,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<Stats | undefined> {
  return withRegularFile(from, maxBytes, async (handle, found) => {
    // It must not grow past what was allowed.
    const source = handle.createReadStream({ autoClose: false, end: Math.max(found.size - 1, 0) });
    await pipeline(source, createWriteStream(to), { signal });
    return found;
  });
}

/**
 * The one way to open a file that a repository may have put there: opening a FIFO would wait for ever, in a thread
 * that nothing can stop. So it is looked at before, as opening a device may do something; opened without waiting; and
 * looked at again, as another file may have taken its place.
 */
async function withRegularFile<Result>(
  path: string,
  maxBytes: number,
  body: (handle: FileHandle, found: Stats) => Promise<Result>,
): Promise<Result | undefined> {
  const handle = await openIfThere(path);
  if (handle === undefined) return undefined;
  try {
    const found = await handle.stat();
    requireRegular(found, path);
    if (found.size > maxBytes)
      throw new RepositoryError(`${path} is larger than ${maxBytes} bytes`);
    return await body(handle, found);
  } finally {
    await handle.close();
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    requireRegular(await stat(path), path);
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function requireRegular(found: Stats, path: string): void {
  if (!found.isFile()) throw new RepositoryError(`${path} is not a regular file`);
}
