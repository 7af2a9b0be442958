import { expect } from 'vitest';
import type { IndexEntry, ListRunsQuery } from '../../src/ports/run-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { commit, runKey } from './fixture.ts';

/** Creates a run with this index entry. */
export async function indexed(
  store: Store,
  runId: string,
  entry: Partial<IndexEntry>,
  tenant = 'acme',
): Promise<void> {
  const index = { name: 'n', status: 'running', startedAtMs: 0, marks: [], ...entry };
  await commit(store, runKey(runId, tenant), 0, { index });
}

/** All pages, as run ids. */
export async function listed(
  store: Store,
  query: Partial<ListRunsQuery> & { readonly limit: number },
): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.listRuns({
      tenant: 'acme',
      ...query,
      ...(cursor === undefined ? {} : { cursor }),
    });
    expect(page.runs.length).toBeLessThanOrEqual(query.limit);
    ids.push(...page.runs.map(({ key }) => key.runId));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return ids;
}
