import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MAX_ARTIFACT_BYTES } from '../../src/ports/artifact-store.ts';
import { StoreUnavailableError } from '../../src/ports/run-store.ts';
import { commit, present, runKey } from './fixture.ts';
import type { UseFixture } from './fixture.ts';

const RUN = runKey('run-1');
/** Neither text nor free of zeros. */
const RAW = Uint8Array.from([0, 255, 128, 0, 10, 13]);

function diff(text = 'diff --git a/ü b/ü\n') {
  return { mediaType: 'text/x-diff', content: new TextEncoder().encode(text) };
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

export function artifactContract(use: UseFixture): void {
  describe('artifacts', () => {
    it('are named by their content and read back byte for byte by every process', async () => {
      const { store, another } = use();
      await commit(store, RUN, 0);
      const other = await another();
      for (const content of [diff().content, RAW, new Uint8Array(0)]) {
        const artifact = { mediaType: 'application/octet-stream', content };
        const id = await store.putArtifact(RUN, artifact);
        expect(id).toBe(sha256(content));
        for (const each of [store, other])
          expect(await each.getArtifact(RUN, present(id))).toEqual(artifact);
      }
    });

    it('are kept once a run, as they were put first, also when many race', async () => {
      const { store, another } = use();
      await commit(store, RUN, 0);
      const other = await another();
      const first = present(await store.putArtifact(RUN, diff()));
      const again = { mediaType: 'text/plain', content: diff().content };
      const ids = await Promise.all(
        [store, other, store, other].map((each) => each.putArtifact(RUN, again)),
      );
      expect(new Set(ids)).toEqual(new Set([first]));
      expect(await store.getArtifact(RUN, first)).toEqual(diff());
    });

    it('need a run: without one nothing is kept', async () => {
      const { store } = use();
      expect(await store.putArtifact(RUN, diff())).toBeUndefined();
      await commit(store, RUN, 0);
      expect(await store.getArtifact(RUN, sha256(diff().content))).toBeUndefined();
    });

    it('leave the run as it was', async () => {
      const { store } = use();
      await commit(store, RUN, 0);
      const before = await store.load(RUN);
      await store.putArtifact(RUN, diff());
      expect(await store.load(RUN)).toEqual(before);
      await commit(store, RUN, 1);
    });

    it('belong to one run of one tenant', async () => {
      const { store } = use();
      const others = [runKey('run-2'), runKey('run-1', 'other')];
      for (const key of [RUN, ...others]) await commit(store, key, 0);
      const id = present(await store.putArtifact(RUN, diff()));
      for (const key of [...others, runKey('none')])
        expect(await store.getArtifact(key, id)).toBeUndefined();
      expect(await store.getArtifact(RUN, 'none')).toBeUndefined();
      const own = { mediaType: 'text/plain', content: diff().content };
      for (const key of others) {
        expect(await store.putArtifact(key, own)).toBe(id);
        expect(await store.getArtifact(key, id)).toEqual(own);
      }
      expect(await store.getArtifact(RUN, id)).toEqual(diff());
    });

    it('are refused above their limit, and kept at it', async () => {
      const { store } = use();
      await commit(store, RUN, 0);
      const content = new Uint8Array(MAX_ARTIFACT_BYTES + 1).fill(7);
      const put = (bytes: Uint8Array) =>
        store.putArtifact(RUN, { mediaType: 'image/png', content: bytes });
      await expect(put(content)).rejects.toThrow(RangeError);
      expect(await store.getArtifact(RUN, sha256(content))).toBeUndefined();
      const largest = content.subarray(1);
      const kept = await store.getArtifact(RUN, present(await put(largest)));
      expect(kept && Buffer.from(largest).equals(kept.content)).toBe(true);
    });

    it('share no memory with their callers', async () => {
      const { store } = use();
      await commit(store, RUN, 0);
      const content = Buffer.from(RAW);
      const putting = store.putArtifact(RUN, { mediaType: 'image/png', content });
      content.fill(1);
      const id = present(await putting);
      expect(id).toBe(sha256(RAW));
      (await store.getArtifact(RUN, id))?.content.fill(2);
      expect((await store.getArtifact(RUN, id))?.content).toEqual(RAW);
    });

    it('go with a purged run, and the others keep theirs', async () => {
      const { store } = use();
      const index = { name: 'n', status: 'done', startedAtMs: 1, finishedAtMs: 2, marks: [] };
      await commit(store, runKey('kept'), 0);
      // Created last: SQLite gives its row's number to the next run.
      await commit(store, RUN, 0, { index });
      const id = present(await store.putArtifact(RUN, diff()));
      await store.putArtifact(runKey('kept'), diff());
      expect(await store.purgeFinished({ finishedBeforeMs: 3, keepNewest: 9, limit: 9 })).toBe(1);
      expect(await store.putArtifact(RUN, diff())).toBeUndefined();
      expect(await store.getArtifact(RUN, id)).toBeUndefined();
      for (const key of [runKey('next', 'other'), RUN]) {
        await commit(store, key, 0);
        expect(await store.getArtifact(key, id)).toBeUndefined();
      }
      expect(await store.getArtifact(runKey('kept'), id)).toEqual(diff());
    });

    it('are refused by a closed store', async () => {
      const { store, another } = use();
      await commit(store, RUN, 0);
      const other = await another();
      const pending = other.putArtifact(RUN, diff());
      await other.close();
      const id = present(await pending);
      expect(await store.getArtifact(RUN, id)).toEqual(diff());
      await expect(other.putArtifact(RUN, diff('x'))).rejects.toThrow(StoreUnavailableError);
      await expect(other.getArtifact(RUN, id)).rejects.toThrow(StoreUnavailableError);
      expect(await store.getArtifact(RUN, sha256(diff('x').content))).toBeUndefined();
    });
  });
}
