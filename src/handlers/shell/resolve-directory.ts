import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import type { Refusal } from './refusal.ts';

function isInside(path: string, root: string): boolean {
  const way = relative(root, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

async function realPathOf(path: string): Promise<string | undefined> {
  return realpath(path).catch(() => undefined);
}

function refuseMissing(path: string): Refusal {
  return { code: 'cwd_missing', message: `${path} does not exist or is not a directory` };
}

function refuseOutside(path: string, workspace: string): Refusal {
  return {
    code: 'cwd_outside_workspace',
    message: `${path} lies outside the workspace ${workspace}; to allow it, add it to "shell.roots" in the configuration`,
  };
}

/**
 * The real path of the directory a command starts in: inside the workspace or one of `roots`, symbolic links resolved
 * first. It guards against mistakes and hostile definitions, not against a program that swaps directories for links
 * meanwhile: an allowed program may go where the account may go.
 */
export async function resolveDirectory(
  workspace: string,
  roots: readonly string[],
  requested = '.',
): Promise<string | Refusal> {
  const wanted = resolve(workspace, requested);
  const realWorkspace = await realPathOf(workspace);
  if (realWorkspace === undefined) return refuseMissing(workspace);
  const real = await realPathOf(wanted);
  if (real === undefined) {
    // Outside, the answer must not depend on what exists there.
    const named = [workspace, realWorkspace, ...roots].some((root) => isInside(wanted, root));
    return named ? refuseMissing(wanted) : refuseOutside(wanted, workspace);
  }
  const realRoots = await Promise.all(roots.map(realPathOf));
  const inside = [realWorkspace, ...realRoots].some(
    (root) => root !== undefined && isInside(real, root),
  );
  if (!inside) return refuseOutside(wanted, workspace);
  const isDirectory = await stat(real).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isDirectory ? real : refuseMissing(wanted);
}
