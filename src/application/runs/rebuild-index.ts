import { StoreUnavailableError, type RunKey, type RunStore } from '../../ports/run-store.ts';
import { indexEntryOf } from '../commands/build-commit.ts';
import type { RunCache } from '../commands/run-cache.ts';

const PAGE = 200;
/** A run that keeps moving keeps its own index right; after so many tries it is left to that. */
const MAX_TRIES = 5;

interface IndexPorts {
  readonly store: RunStore;
  readonly runs: RunCache;
}

export interface RebuiltIndex {
  readonly rebuilt: number;
  readonly unreadable: readonly { readonly run_id: string; readonly reason: string }[];
}

/** Safe beside running workers, and safe to repeat: an entry is replaced only for the version that was read. */
export async function rebuildIndex(ports: IndexPorts): Promise<RebuiltIndex> {
  const unreadable: { run_id: string; reason: string }[] = [];
  let rebuilt = 0;
  let cursor: string | undefined;
  do {
    const page = await ports.store.scanRuns(PAGE, cursor);
    for (const key of page.keys) {
      try {
        if (await rebuildEntry(ports, key)) rebuilt += 1;
      } catch (error) {
        // One damaged history must not keep the others out of the list.
        if (error instanceof StoreUnavailableError || !(error instanceof Error)) throw error;
        unreadable.push({ run_id: key.runId, reason: error.message });
      }
    }
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return { rebuilt, unreadable };
}

async function rebuildEntry({ store, runs }: IndexPorts, key: RunKey): Promise<boolean> {
  for (let tried = 0; tried < MAX_TRIES; tried += 1) {
    const run = await runs.refresh(key);
    if (run === undefined) return false; // removed meanwhile
    const { run: header } = run.state;
    if (await store.replaceIndex(key, header.version, indexEntryOf(header))) return true;
  }
  return false;
}
