import { lstat, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { RepositoryError } from '../../ports/repository-reader.ts';
import { realPathOf, type Jail } from './jail.ts';
import type { RepositoryLocation } from './locate-repository.ts';
import { readRegularFile } from './regular-file.ts';

const MAX_ALTERNATES_BYTES = 65_536;

const OF_WORK_TREE = ['HEAD', 'index', 'refs'];
const SHARED = ['info', 'objects', 'packed-refs', 'refs'];

/**
 * Throws RepositoryError when what git reads of a repository leads out of the jail, or is neither file nor directory:
 * index, references and objects, by symbolic links at any depth, and objects borrowed from elsewhere (alternates, and
 * theirs). Else whoever may write a repository in the jail could read any other one. A git directory outside the jail
 * is out of their reach and not looked at. Holds for the moment: who swaps a file between this and git's reading it
 * is not stopped.
 */
export async function requireOwnFiles(
  { gitDirectory, commonDirectory }: RepositoryLocation,
  jail: Jail,
  signal: AbortSignal,
): Promise<void> {
  if (!jail.holds(gitDirectory)) return;
  const seen = new Set<string>();
  const look = (path: string): Promise<void> => lookAt(path, { jail, seen, signal });
  for (const name of OF_WORK_TREE) await look(join(gitDirectory, name));
  for (const name of SHARED) await look(join(commonDirectory, name));
  const stores = [join(commonDirectory, 'objects')];
  // It grows while it is gone through: what is borrowed may borrow in turn.
  for (const store of stores)
    for (const borrowed of await alternatesOf(store)) {
      const real = await realPathOf(borrowed);
      if (real === undefined || stores.includes(real)) continue;
      if (!jail.holds(real)) throw jail.refusal(`${borrowed}, whose objects ${store} borrows,`);
      await look(real);
      stores.push(real);
    }
}

interface Look {
  readonly jail: Jail;
  /** Real paths; links may lead in circles. */
  readonly seen: Set<string>;
  readonly signal: AbortSignal;
}

async function lookAt(path: string, look: Look): Promise<void> {
  look.signal.throwIfAborted();
  const named = await lstat(path).catch(() => undefined);
  const real = await realPathOf(path);
  if (real === undefined) {
    // Another git may just have removed it; a link that we cannot follow, it may.
    if (named?.isSymbolicLink()) throw new RepositoryError(`${path} is a link to nowhere`);
    return;
  }
  if (!look.jail.holds(real)) throw look.jail.refusal(`what ${path} leads to`);
  if (look.seen.has(real)) return;
  look.seen.add(real);
  const found = named?.isSymbolicLink() ? await lstat(real) : named;
  if (found === undefined || found.isFile()) return;
  if (!found.isDirectory()) throw new RepositoryError(`${path} is neither a file nor a directory`);
  const entries = await readdir(real, { withFileTypes: true });
  for (const entry of entries) if (!entry.isFile()) await lookAt(join(real, entry.name), look);
}

/** Of an object directory; gitrepository-layout(5). */
async function alternatesOf(store: string): Promise<string[]> {
  const file = join(store, 'info', 'alternates');
  const text = await readRegularFile(file, MAX_ALTERNATES_BYTES);
  const lines = (text ?? '').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.some((line) => line.startsWith('"')))
    throw new RepositoryError(`${file} names a path in quotes, which is not supported`);
  return lines.map((line) => resolve(store, line));
}
