import type { RepositoryState } from '../domain/events.ts';

/** How a repository stands: what a checkpoint keeps of it. */
export interface RepositoryReading {
  /** Without `diff`: the content is kept first, and named then. */
  readonly state: RepositoryState;
  /** Everything that differs from the commit, new files included (`git diff --binary`), where it is small enough. */
  readonly diff?: { readonly content: Uint8Array; readonly files: number };
}

/** The directory is no repository, may not be read, or git does not answer. The message is for people. */
export class RepositoryError extends Error {}

export interface RepositoryReader {
  /**
   * Reads the repository that holds `directory`, changing nothing in it: neither its index nor its objects. Throws
   * RepositoryError. A diff of more than `maxDiffBytes` is left out, which the state says (`diffLeftOut`).
   */
  read(directory: string, limits: { readonly maxDiffBytes: number }): Promise<RepositoryReading>;
}
