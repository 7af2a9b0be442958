import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { RepositoryError } from '../../ports/repository-reader.ts';

/** What may be read: directories inside the workspace or one of the configured roots, symbolic links resolved. */
export interface Jail {
  /** The real path of a directory, relative to the workspace. Throws RepositoryError when it may not be read. */
  enter(directory: string): Promise<string>;
  /** `path` must be real. */
  holds(path: string): boolean;
  /** What to say about a path that is not held. */
  refusal(what: string): RepositoryError;
}

export async function createJail(workspace: string, roots: readonly string[]): Promise<Jail> {
  const named = [workspace, ...roots];
  const real = (await Promise.all(named.map(realPathOf))).filter((root) => root !== undefined);
  const holds = (path: string): boolean => real.some((root) => isInside(path, root));
  const refusal = (what: string): RepositoryError =>
    new RepositoryError(
      `${what} lies outside the workspace ${workspace}; to allow it, add it to "shell.roots" in the configuration`,
    );
  return {
    holds,
    refusal,
    enter: async (directory) => {
      const wanted = resolve(workspace, directory);
      const found = await realPathOf(wanted);
      if (found !== undefined && !holds(found)) throw refusal(wanted);
      if (found !== undefined && (await isDirectory(found))) return found;
      // Outside, the answer must not depend on what exists there.
      if (![...named, ...real].some((root) => isInside(wanted, root))) throw refusal(wanted);
      throw new RepositoryError(`${wanted} does not exist or is not a directory`);
    },
  };
}

export function isInside(path: string, root: string): boolean {
  const way = relative(root, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

export async function realPathOf(path: string): Promise<string | undefined> {
  return realpath(path).catch(() => undefined);
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
