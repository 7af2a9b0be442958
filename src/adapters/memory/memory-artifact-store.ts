import { createHash } from 'node:crypto';
import { MAX_ARTIFACT_BYTES } from '../../ports/artifact-store.ts';
import type { Artifact, ArtifactStore } from '../../ports/artifact-store.ts';
import type { MemorySession } from './memory-session.ts';

export function createMemoryArtifactStore(session: MemorySession): ArtifactStore {
  const { database } = session;
  const perform = session.perform.bind(session);
  return {
    putArtifact: async (key, artifact) => {
      assertSize(artifact.content);
      const copy = copyOf(artifact);
      const id = createHash('sha256').update(copy.content).digest('hex');
      return perform('putArtifact', () => {
        const artifacts = database.findRun(key)?.artifacts;
        if (!artifacts) return undefined;
        if (!artifacts.has(id)) artifacts.set(id, copy);
        return id;
      });
    },
    getArtifact: (key, id) =>
      perform('getArtifact', () => {
        const found = database.findRun(key)?.artifacts.get(id);
        return found && copyOf(found);
      }),
  };
}

/** What goes in or out shares no bytes with the callers. */
function copyOf({ mediaType, content }: Artifact): Artifact {
  return { mediaType, content: new Uint8Array(content) };
}

function assertSize({ byteLength }: Uint8Array): void {
  if (byteLength > MAX_ARTIFACT_BYTES)
    throw new RangeError(
      `an artifact has at most ${MAX_ARTIFACT_BYTES} bytes, this one ${byteLength}; it was not kept`,
    );
}
