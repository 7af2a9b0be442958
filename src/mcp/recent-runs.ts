import type { Application } from '../application/application.ts';
import type { RunListItem } from '../application/runs/list-workflows.ts';
import type { CallContext, UseCaseResult } from '../application/use-case.ts';

const PAGE = 50;
const MAX_PAGES = 10;

export interface RecentRuns {
  /** Newest start first. */
  readonly runs: readonly RunListItem[];
  /** There are more than were looked at. */
  readonly isMore: boolean;
}

export async function runsStartedSince(
  application: Application,
  context: CallContext,
  sinceMs: number,
): Promise<UseCaseResult<RecentRuns>> {
  const runs: RunListItem[] = [];
  let cursor: string | undefined;
  for (let looked = 0; looked < MAX_PAGES; looked += 1) {
    const query = { limit: PAGE, ...(cursor !== undefined && { cursor }) };
    const page = await application.listWorkflows(context, query);
    if (!page.ok) return page;
    const young = page.value.runs.filter(({ started_at }) => Date.parse(started_at) >= sinceMs);
    runs.push(...young);
    cursor = page.value.next_cursor;
    if (cursor === undefined || young.length < page.value.runs.length)
      return { ok: true, value: { runs, isMore: false } };
  }
  return { ok: true, value: { runs, isMore: true } };
}

/** Whenever they began; of the 50 failed runs that began last. */
export async function runsFailedSince(
  application: Application,
  context: CallContext,
  sinceMs: number,
): Promise<UseCaseResult<RecentRuns>> {
  const page = await application.listWorkflows(context, { status: 'failed', limit: PAGE });
  if (!page.ok) return page;
  const runs = page.value.runs.filter(
    ({ finished_at }) => finished_at !== undefined && Date.parse(finished_at) >= sinceMs,
  );
  return { ok: true, value: { runs, isMore: page.value.next_cursor !== undefined } };
}
