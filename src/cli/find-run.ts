import type { Baton } from '../composition.ts';
import { DEFAULT_TENANT } from '../application/access.ts';
import { notFound, usageFailure } from './cli-failure.ts';

/** Whole ids have 26 characters, those made from an idempotency key 32: the length does not tell what is whole. */
const MIN_PREFIX_CHARS = 4;
const PAGE = 200;
/** Runs looked at for a prefix, newest first. */
const MAX_SCANNED = 100_000;

/** The run with the id `text`, else the one run whose id begins with it. Fails when there is none, or more than one. */
export async function findRun({ store }: Baton, text: string): Promise<string> {
  const given = text.trim();
  const prefix = given.toLowerCase();
  if (prefix.length < MIN_PREFIX_CHARS)
    throw usageFailure(
      `"${text}" is too short for a run id: give at least ${MIN_PREFIX_CHARS} characters`,
      'baton list shows the runs and their ids.',
    );
  if (await exists(store, given)) return given;
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

/** Every run has a first event. */
async function exists(store: Baton['store'], runId: string): Promise<boolean> {
  const [first] = await store.readHistory({ tenant: DEFAULT_TENANT, runId }, 1, 1);
  return first !== undefined;
}

async function matchesOf(store: Baton['store'], prefix: string): Promise<string[]> {
  const matches: string[] = [];
  let cursor: string | undefined;
  for (let scanned = 0; scanned < MAX_SCANNED; scanned += PAGE) {
    const page = await store.listRuns({
      tenant: DEFAULT_TENANT,
      limit: PAGE,
      ...(cursor && { cursor }),
    });
    for (const { key } of page.runs) if (key.runId.startsWith(prefix)) matches.push(key.runId);
    cursor = page.nextCursor;
    if (cursor === undefined || matches.length > 1) break;
  }
  return matches;
}
