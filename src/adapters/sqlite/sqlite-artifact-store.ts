import { createHash } from 'node:crypto';
import { MAX_ARTIFACT_BYTES } from '../../ports/artifact-store.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { SqliteSession } from './sqlite-session.ts';
import { bytes, prepare, text } from './statement.ts';

export function createSqliteArtifactStore(session: SqliteSession): ArtifactStore {
  const { db, leases, writes } = session;
  const insert = prepare(
    db,
    `INSERT INTO artifacts (run, id, media_type, content) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  );
  const select = prepare(
    db,
    `SELECT a.media_type, a.content FROM runs r JOIN artifacts a ON a.run = r.id
     WHERE r.tenant = ? AND r.run_id = ? AND a.id = ?`,
  );

  return {
    putArtifact: async (key, { mediaType, content }) => {
      assertSize(content);
      // Written later than asked for: what the caller does to its bytes meanwhile must not get under this id.
      const copy = new Uint8Array(content);
      const id = createHash('sha256').update(copy).digest('hex');
      return writes.submit(() => {
        const run = leases.findRun(key);
        if (run === undefined) return undefined;
        insert.run(run, id, mediaType, copy);
        return id;
      });
    },
    getArtifact: ({ tenant, runId }, id) =>
      session.read(() => {
        const row = select.row(tenant, runId, id);
        return row && { mediaType: text(row, 0), content: bytes(row, 1) };
      }),
  };
}

function assertSize({ byteLength }: Uint8Array): void {
  if (byteLength > MAX_ARTIFACT_BYTES)
    throw new RangeError(
      `an artifact has at most ${MAX_ARTIFACT_BYTES} bytes, this one ${byteLength}; it was not kept`,
    );
}
