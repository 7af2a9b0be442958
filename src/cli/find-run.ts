import type { Baton } from '../composition.ts';
import { TENANT } from './cli.ts';
import { notFound, usageFailure } from './cli-failure.ts';

/** Run ids are longer: what is as long as this is taken for a whole id. */
const WHOLE_ID_CHARS = 26;
const MIN_PREFIX_CHARS = 4;
const PAGE = 200;
/** Runs looked at for a prefix, newest first. */
const MAX_SCANNED = 100_000;

/** The one run whose id begins with `text`. Fails when there is none, or more than one. */
export async function findRun({ store }: Baton, text: string): Promise<string> {
  const prefix = text.trim().toLowerCase();
  if (prefix.length >= WHOLE_ID_CHARS) return prefix;
  if (prefix.length < MIN_PREFIX_CHARS)
    throw usageFailure(
      `"${text}" is too short for a run id: give at least ${MIN_PREFIX_CHARS} characters`,
      'baton list shows the runs and their ids.',
    );
  const matches = await matchesOf(store, prefix);
  const [match] = matches;
  if (match === undefined)
    throw notFound(
      'unknown_run',
      `no run id begins with "${prefix}"`,
      'baton list shows the runs and their ids.',
    );
  if (matches.length > 1)
    throw usageFailure(
      `"${prefix}" may mean ${matches.join(' or ')}`,
      'Give more of the id.',
      'ambiguous_run',
    );
  return match;
}

async function matchesOf(store: Baton['store'], prefix: string): Promise<string[]> {
  const matches: string[] = [];
  let cursor: string | undefined;
  for (let scanned = 0; scanned < MAX_SCANNED; scanned += PAGE) {
    const page = await store.listRuns({ tenant: TENANT, limit: PAGE, ...(cursor && { cursor }) });
    for (const { key } of page.runs) if (key.runId.startsWith(prefix)) matches.push(key.runId);
    cursor = page.nextCursor;
    if (cursor === undefined || matches.length > 1) break;
  }
  return matches;
}
