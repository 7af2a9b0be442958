import { z } from 'zod';
import type { CommandAnswer } from '../../application/commands/client-command.ts';
import type { CallContext } from '../../application/use-case.ts';
import type { WorkflowState } from '../../application/runs/get-workflow-state.ts';
import type { RunListItem } from '../../application/runs/list-workflows.ts';
import type { RunSummary } from '../../application/runs/run-view.ts';
import { definitionPath, workflowLinks, workflowPath } from './links.ts';
import { error, json, links, next, reason, runStatus, time } from './schemas.ts';

const percentage = z.int().min(0).max(100).describe('Steps that have ended, of all');

/** What every answer about one run says of it. */
const summary = z.object({
  workflow_id: z.string(),
  type: z.string().describe('Name of the workflow'),
  definition_version: z.int(),
  status: runStatus,
  progress_percentage: percentage,
  started_at: time,
  finished_at: time.optional(),
  output: json.optional(),
  error: error.optional(),
  links,
});

export const workflowSchema = summary.extend({
  version: z.int().describe('Events of its history; its ETag'),
  current_stage: z.string().nullable().describe('The first step that has begun and not ended'),
  current_stages: z.array(z.string()).describe('All of them, at most 64'),
  stage_outputs: z.record(z.string(), json).describe('Of completed steps, up to 1 MiB together'),
  stage_outputs_left_out: z.array(z.string()).describe('Completed steps whose output did not fit'),
  updated_at: time,
  attention: z
    .array(reason)
    .optional()
    .describe('With wait_seconds: what somebody has to act on, as it is now'),
});

export const startedSchema = summary.extend({
  duplicate: z.literal(true).optional().describe('Was started before, by the same request'),
  attention: z.array(reason).describe('What somebody has to act on'),
  next,
});

export const commandSchema = summary.extend({
  changed: z.boolean(),
  duplicate: z.literal(true).optional().describe('Was recorded before, by the same request'),
  next,
});

/** Who may answer need not be allowed to read: then only how it stands now. */
export const answeredSchema = commandSchema
  .partial()
  .required({ workflow_id: true, status: true, changed: true });

export const listedSchema = z.object({
  workflow_id: z.string(),
  type: z.string(),
  status: z.string(),
  started_at: time,
  finished_at: time.optional(),
  links,
});

export function viewWorkflow(state: WorkflowState): z.infer<typeof workflowSchema> {
  const { run_id, workflow, attention, ...rest } = state;
  return {
    workflow_id: run_id,
    type: workflow,
    ...rest,
    current_stages: [...rest.current_stages],
    stage_outputs_left_out: [...rest.stage_outputs_left_out],
    ...(attention && { attention: [...attention] }),
    current_stage: rest.current_stages[0] ?? null,
    links: {
      ...workflowLinks(run_id),
      definition: definitionPath(workflow, rest.definition_version),
    },
  };
}

export function viewSummary(run: RunSummary): z.infer<typeof summary> {
  const { completed, failed, dropped, total } = run.progress;
  const { run_id, workflow, version, status, started_at, finished_at, output } = run;
  return {
    workflow_id: run_id,
    type: workflow,
    definition_version: version,
    status,
    progress_percentage: Math.floor((100 * (completed + failed + dropped)) / total),
    started_at,
    ...(finished_at !== undefined && { finished_at }),
    ...(output !== undefined && { output }),
    ...(run.error && { error: run.error }),
    links: workflowLinks(run_id),
  };
}

export function viewCommand(answer: CommandAnswer): z.infer<typeof commandSchema> {
  return {
    ...viewSummary(answer),
    changed: answer.changed,
    ...(answer.duplicate && { duplicate: true }),
    next: [...answer.next],
  };
}

/** What a person is told who answered something; of the run (its output too) nothing without `runs:read`. */
export function viewAnswered(
  { scopes }: Pick<CallContext, 'scopes'>,
  answer: CommandAnswer,
): z.infer<typeof answeredSchema> {
  if (scopes.has('runs:read')) return viewCommand(answer);
  const { run_id: workflow_id, status, changed } = answer;
  return { workflow_id, status, changed };
}

export function viewListed(run: RunListItem): z.infer<typeof listedSchema> {
  const { run_id, workflow, ...rest } = run;
  return { workflow_id: run_id, type: workflow, ...rest, links: { self: workflowPath(run_id) } };
}
