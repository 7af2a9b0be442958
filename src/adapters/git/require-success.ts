import { RepositoryError } from '../../ports/repository-reader.ts';
import { complaintOf, type GitEnd } from './git-process.ts';

/** Throws RepositoryError unless git did all of it. */
export function requireSuccess(end: GitEnd, what: string): void {
  if (end.isCut) throw new RepositoryError(`git cannot ${what}: it is too large`);
  if (end.exitCode !== 0) throw new RepositoryError(`git cannot ${what}: ${complaintOf(end)}`);
}
