import type { Application } from '../application/application.ts';
import type { WorkflowExplanation } from '../application/runs/explain-workflow.ts';
import type { RunListItem } from '../application/runs/list-workflows.ts';
import { needsSomebody } from '../application/runs/run-reasons.ts';
import type { CallContext, UseCaseResult } from '../application/use-case.ts';

const OPEN_STATUSES = ['running', 'paused', 'cancelling'] as const;
/** Of each status: an explanation reads the whole run. */
const MAX_LOOKED_AT = 20;

/** Each run with what it hangs on; one that was removed in between is left out. */
export async function explainRuns(
  application: Application,
  context: CallContext,
  runs: readonly RunListItem[],
): Promise<UseCaseResult<WorkflowExplanation[]>> {
  const explanations: WorkflowExplanation[] = [];
  for (const { run_id } of runs) {
    const explained = await application.explainWorkflow(context, { run_id });
    if (explained.ok) explanations.push(explained.value);
    else if (explained.error.code !== 'unknown_run') return explained;
  }
  return { ok: true, value: explanations };
}

export interface OpenRuns {
  /** Those that need somebody first, else newest first. */
  readonly runs: readonly WorkflowExplanation[];
  /** There are more than were looked at. */
  readonly isMore: boolean;
}

export async function explainOpenRuns(
  application: Application,
  context: CallContext,
): Promise<UseCaseResult<OpenRuns>> {
  const open: RunListItem[] = [];
  let isMore = false;
  for (const status of OPEN_STATUSES) {
    const page = await application.listWorkflows(context, { status, limit: MAX_LOOKED_AT });
    if (!page.ok) return page;
    open.push(...page.value.runs);
    isMore ||= page.value.next_cursor !== undefined;
  }
  const explained = await explainRuns(application, context, open);
  if (!explained.ok) return explained;
  const rank = (run: WorkflowExplanation): number => (isStuck(run) ? 0 : 1);
  return { ok: true, value: { runs: explained.value.sort((a, b) => rank(a) - rank(b)), isMore } };
}

/** It needs somebody. */
export function isStuck({ reasons }: WorkflowExplanation): boolean {
  return reasons.some(needsSomebody);
}
