import type { Baton } from '../composition.ts';
import { DEFAULT_TENANT } from '../application/access/access.ts';
import { readKeys } from '../application/access/api-keys.ts';
import { notFound, usageFailure, type CliFailure } from './cli-failure.ts';

/** Whole ids have 26 characters, those made from an idempotency key 32: the length does not tell what is whole. */
const MIN_PREFIX_CHARS = 4;
const PAGE = 200;
/** Runs looked at for a prefix, newest first. */
const MAX_SCANNED = 100_000;
/** The same where it only explains a refusal. */
const MAX_SCANNED_ELSEWHERE = 2_000;

/** The run with the id `text`, else the one run whose id begins with it. Fails when there is none, or more than one. */
export async function findRun({ store }: Baton, text: string): Promise<string> {
  const given = text.trim();
  const prefix = given.toLowerCase();
  if (prefix.length < MIN_PREFIX_CHARS)
    throw usageFailure(
      `"${text}" is too short for a run id: give at least ${MIN_PREFIX_CHARS} characters`,
      'baton list shows the runs and their ids.',
    );
  if (await exists(store, given, DEFAULT_TENANT)) return given;
  const matches = await matchesOf(store, prefix, DEFAULT_TENANT, MAX_SCANNED);
  const [match] = matches;
  if (match === undefined) throw await unknownRun(store, given);
  if (matches.length > 1)
    throw usageFailure(
      `"${prefix}" may mean ${matches.join(' or ')}`,
      'Give more of the id.',
      'ambiguous_run',
    );
  return match;
}

/** Whoever has the store may know whose run it is: nothing here reads what the run holds. */
async function unknownRun(store: Baton['store'], given: string): Promise<CliFailure> {
  const prefix = given.toLowerCase();
  const tenants = new Set((await readKeys(store)).map(({ tenant }) => tenant));
  for (const tenant of tenants) {
    const [runId] = (await exists(store, given, tenant))
      ? [given]
      : await matchesOf(store, prefix, tenant, MAX_SCANNED_ELSEWHERE);
    if (runId !== undefined)
      return notFound(
        'unknown_run',
        `run ${runId} is of the tenant ${tenant}, and the command line is of the tenant ${DEFAULT_TENANT}`,
        `It is read and answered over HTTP (baton serve) with a key of its tenant: baton keys create NAME --tenant ${tenant} --scopes runs:read,approvals:resolve.`,
      );
  }
  return notFound(
    'unknown_run',
    `no run id begins with "${prefix}"`,
    'baton list shows the runs and their ids.',
  );
}

/** Every run has a first event. */
async function exists(store: Baton['store'], runId: string, tenant: string): Promise<boolean> {
  const [first] = await store.readHistory({ tenant, runId }, 1, 1);
  return first !== undefined;
}

async function matchesOf(
  store: Baton['store'],
  prefix: string,
  tenant: string,
  maxScanned: number,
): Promise<string[]> {
  const matches: string[] = [];
  let cursor: string | undefined;
  for (let scanned = 0; scanned < maxScanned; scanned += PAGE) {
    const page = await store.listRuns({
      tenant,
      limit: PAGE,
      ...(cursor && { cursor }),
    });
    for (const { key } of page.runs) if (key.runId.startsWith(prefix)) matches.push(key.runId);
    cursor = page.nextCursor;
    if (cursor === undefined || matches.length > 1) break;
  }
  return matches;
}
