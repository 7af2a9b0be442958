import { indexEntryOf } from '../application/build-commit.ts';
import type { Baton } from '../composition.ts';
import type { RunKey } from '../ports/run-store.ts';
import { StoreUnavailableError } from '../ports/run-store.ts';
import type { AddCommand } from './cli.ts';
import { EXIT } from './exit-codes.ts';

const PAGE = 200;
/** A run that keeps moving keeps its own index right; after so many tries it is left to that. */
const MAX_TRIES = 5;

export const addReindexCommand: AddCommand = (program, action) => {
  program
    .command('reindex')
    .description('rebuild the list of runs from their histories, which it never changes')
    .action(
      action((invocation) =>
        invocation.withBaton(async (baton) => {
          const { terminal } = invocation;
          const { rebuilt, unreadable } = await rebuildIndex(baton);
          terminal.json({ rebuilt, unreadable });
          terminal.line(`${rebuilt} runs indexed.`);
          for (const { run_id, reason } of unreadable)
            terminal.note(`run ${run_id} was left as it was: ${reason}`);
          return unreadable.length === 0 ? EXIT.ok : EXIT.unexpected;
        }),
      ),
    );
};

interface Rebuilt {
  readonly rebuilt: number;
  readonly unreadable: readonly { readonly run_id: string; readonly reason: string }[];
}

/** Safe beside running workers, and safe to repeat: an entry is replaced only for the version that was read. */
async function rebuildIndex(baton: Baton): Promise<Rebuilt> {
  const unreadable: { run_id: string; reason: string }[] = [];
  let rebuilt = 0;
  let cursor: string | undefined;
  do {
    const page = await baton.store.scanRuns(PAGE, cursor);
    for (const key of page.keys) {
      try {
        if (await rebuildEntry(baton, key)) rebuilt += 1;
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

async function rebuildEntry({ store, ports: { runs } }: Baton, key: RunKey): Promise<boolean> {
  for (let tried = 0; tried < MAX_TRIES; tried += 1) {
    const run = await runs.refresh(key);
    if (run === undefined) return false; // removed meanwhile
    const { run: header } = run.state;
    if (await store.replaceIndex(key, header.version, indexEntryOf(header))) return true;
  }
  return false;
}
