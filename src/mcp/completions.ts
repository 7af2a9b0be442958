import type { Application } from '../application/application.ts';
import type { CallContext, UseCaseResult } from '../application/use-case.ts';

export interface Completion {
  readonly values: readonly string[];
  /** There are more than those shown, or more than were looked at. */
  readonly hasMore: boolean;
}

/** Proposes values that begin with `value`; `given` holds the arguments chosen before. */
export type Completer = (
  application: Application,
  context: CallContext,
  value: string,
  given: Readonly<Record<string, string>>,
) => Promise<UseCaseResult<Completion>>;

/** The protocol's own limit. */
const MAX_VALUES = 100;
/** Runs looked at for one completion: 20 pages of 50. */
const MAX_PAGES = 20;
const PAGE = 50;

/** Newest first. */
export const completeRunId: Completer = (application, context, value) =>
  collect(value, async (cursor) => {
    const page = await application.listWorkflows(context, {
      limit: PAGE,
      ...(cursor !== undefined && { cursor }),
    });
    if (!page.ok) return page;
    const { runs, next_cursor } = page.value;
    return { ok: true, value: { names: runs.map(({ run_id }) => run_id), next: next_cursor } };
  });

export const completeWorkflow: Completer = (application, context, value) =>
  collect(value, async (cursor) => {
    const page = await application.listCatalog(context, {
      kind: 'workflows',
      ...(cursor !== undefined && { cursor }),
    });
    if (!page.ok) return page;
    const { workflows = [], next_cursor } = page.value;
    return { ok: true, value: { names: workflows.map(({ name }) => name), next: next_cursor } };
  });

/** Newest run first, then newest first. */
export const completeCheckpoint: Completer = (application, context, value) =>
  collect(value, async (cursor) => {
    const page = await application.listCheckpoints(context, { cursor });
    if (!page.ok) return page;
    const { checkpoints, next_cursor } = page.value;
    const names = checkpoints.map(({ checkpoint_id }) => checkpoint_id);
    return { ok: true, value: { names, next: next_cursor } };
  });

export const completeAgent: Completer = (application, context, value) =>
  collect(value, async () => {
    const known = await application.listAgents(context, {});
    if (!known.ok) return known;
    const names = known.value.agents.map(({ agent_id }) => agent_id);
    return { ok: true, value: { names, next: undefined } };
  });

/** Runs in which something waits for a person, newest first. */
export const completeWaitingRun: Completer = (application, context, value) =>
  collect(value, async (cursor) => {
    const page = await application.listInbox(context, { cursor });
    if (!page.ok) return page;
    const { runs, next_cursor } = page.value;
    return { ok: true, value: { names: runs.map(({ run_id }) => run_id), next: next_cursor } };
  });

/** Open ones, of the run that was given before. */
export const completeApprovalId: Completer = async (application, context, value, given) => {
  const { run_id } = given;
  if (run_id === undefined || run_id === '') return { ok: true, value: NONE };
  return collect(value, async () => {
    const run = await application.getWorkflow(context, { run_id });
    if (!run.ok && run.error.code === 'unknown_run')
      return { ok: true, value: { names: [], next: undefined } };
    if (!run.ok) return run;
    const waiting = run.value.approvals.filter(({ status }) => status === 'waiting');
    const names = waiting.map(({ approval_id }) => approval_id);
    return { ok: true, value: { names, next: undefined } };
  });
};

/** Of the run that was given before; none without one, or with one that does not exist. */
export const completeStepId: Completer = async (application, context, value, given) => {
  const { run_id } = given;
  if (run_id === undefined || run_id === '') return { ok: true, value: NONE };
  return collect(value, async () => {
    const run = await application.getWorkflow(context, { run_id });
    if (!run.ok && run.error.code === 'unknown_run')
      return { ok: true, value: { names: [], next: undefined } };
    return run.ok
      ? { ok: true, value: { names: run.value.steps.map(({ id }) => id), next: undefined } }
      : run;
  });
};

const NONE: Completion = { values: [], hasMore: false };

/** Pages on until enough names fit, or enough were looked at. */
async function collect(
  prefix: string,
  page: (
    cursor: string | undefined,
  ) => Promise<
    UseCaseResult<{ readonly names: readonly string[]; readonly next: string | undefined }>
  >,
): Promise<UseCaseResult<Completion>> {
  const values: string[] = [];
  let cursor: string | undefined;
  for (let looked = 0; looked < MAX_PAGES; looked += 1) {
    const found = await page(cursor);
    if (!found.ok) return found;
    values.push(...found.value.names.filter((name) => name.startsWith(prefix)));
    cursor = found.value.next;
    if (cursor === undefined || values.length > MAX_VALUES) break;
  }
  const hasMore = cursor !== undefined || values.length > MAX_VALUES;
  return { ok: true, value: { values: values.slice(0, MAX_VALUES), hasMore } };
}
