import type { RunKey } from './run-store.ts';

/** The most that one artifact may hold. */
export const MAX_ARTIFACT_BYTES = 4_194_304;

export interface Artifact {
  /** RFC 6838, e.g. `text/x-diff`. */
  readonly mediaType: string;
  readonly content: Uint8Array;
}

/** Content of a run that is too large or too raw for its history, which names it by id. */
export interface ArtifactStore {
  /**
   * Keeps the content for as long as the run, durably before it answers its id: the SHA-256 of the content in hex.
   * The same content is kept once a run. Write it before the event that names it: if the process dies in between, it
   * stays unnamed until the run is removed. `undefined`: there is no such run. Throws RangeError above
   * MAX_ARTIFACT_BYTES, StoreUnavailableError when the store cannot answer.
   */
  putArtifact(key: RunKey, artifact: Artifact): Promise<string | undefined>;

  getArtifact(key: RunKey, id: string): Promise<Artifact | undefined>;
}
