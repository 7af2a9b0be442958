import { createHash } from 'node:crypto';
import { z } from 'zod';
import { MAX_ARTIFACT_BYTES } from '../../ports/artifact-store.ts';
import type { Artifact, ArtifactStore } from '../../ports/artifact-store.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import type { RedisSession } from './redis-session.ts';

export function createRedisArtifactStore(session: RedisSession): ArtifactStore {
  return {
    putArtifact: async (key, { mediaType, content }) => {
      assertSize(content);
      // Sent later than asked for: what the caller does to its bytes meanwhile must not get under this id.
      const copy = Buffer.from(content);
      const id = createHash('sha256').update(copy).digest('hex');
      const args = [key.tenant, key.runId, id, JSON.stringify(mediaType), copy];
      const shard = session.shardOfRun(key);
      const reply = await session.perform(() => session.call('put_artifact', shard, args));
      return reply === 1 ? id : undefined;
    },
    getArtifact: async (key, id) => {
      const args = [key.tenant, key.runId, id];
      const shard = session.shardOfRun(key);
      const reply = await session.perform(() => session.call('get_artifact', shard, args, true));
      return reply === null ? undefined : readArtifact(reply);
    },
  };
}

/** Media type as JSON, line, content: as catalog.lua writes it. */
function readArtifact(reply: unknown): Artifact {
  if (!Buffer.isBuffer(reply)) throw new StoreUnavailableError('Redis holds a damaged artifact');
  const at = reply.indexOf('\n');
  const mediaType = z.string().parse(JSON.parse(reply.subarray(0, at).toString()));
  return { mediaType, content: new Uint8Array(reply.subarray(at + 1)) };
}

function assertSize({ byteLength }: Uint8Array): void {
  if (byteLength > MAX_ARTIFACT_BYTES)
    throw new RangeError(
      `an artifact has at most ${MAX_ARTIFACT_BYTES} bytes, this one ${byteLength}; it was not kept`,
    );
}
