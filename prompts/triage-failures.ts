import { z } from 'zod';
import type { WorkflowExplanation } from '../src/application/runs/explain-workflow.ts';
import { toolCall } from '../src/application/tool-call.ts';
import { completeWorkflow } from '../src/mcp/completions.ts';
import { definePrompt } from '../src/mcp/define-prompt.ts';
import { explainRuns } from '../src/mcp/explain-runs.ts';
import { composePrompt, failureLines } from '../src/mcp/prompt-text.ts';
import { headLine, nextLines } from '../src/mcp/run-text.ts';

const MAX_RUNS = 10;

export const triageFailures = definePrompt({
  name: 'triage_failures',
  title: 'Triage failed runs',
  description: 'The newest failed runs with the errors of their steps, for finding the causes.',
  argsSchema: z.object({
    workflow: z.string().trim().min(1).optional().describe('Only runs of this workflow'),
  }),
  complete: { workflow: completeWorkflow },
  build: async (application, context, { workflow }) => {
    const query = { status: 'failed' as const, ...(workflow !== undefined && { workflow }) };
    const page = await application.listWorkflows(context, { ...query, limit: MAX_RUNS });
    if (!page.ok) return page;
    const explained = await explainRuns(application, context, page.value.runs);
    if (!explained.ok) return explained;
    const failed = explained.value;
    const of = workflow === undefined ? '' : ` of workflow ${workflow}`;
    const list = toolCall('list_workflows', query);
    const isMore = page.value.next_cursor !== undefined;
    const text = composePrompt({
      head: [
        failed.length === 0
          ? `No run${of} has failed.`
          : `Find out why these runs${of} failed (${isMore ? 'the newest ' : ''}${failed.length}, newest first):`,
      ],
      blocks: failed.map(block),
      more: (count) => `\nand ${count} more that do not fit here: ${list}.`,
      tail:
        failed.length === 0
          ? ['list_workflows shows all runs.']
          : ['', ...HOW, ...(isMore ? [`Older ones: ${list}.`] : [])],
    });
    return { ok: true, value: text };
  },
});

function block(run: WorkflowExplanation): string[] {
  return [
    '',
    headLine(run),
    `error: ${run.error?.code ?? 'none recorded'}`,
    ...failureLines(run, 2),
    ...nextLines(run.next.slice(0, 2)),
  ];
}

const HOW: readonly string[] = [
  'For each: name the cause (the definition, its input, the environment, the thing it called, or chance) and what shows it; get_workflow with step reads all of an error, get_workflow_history what came before. Put failures of one cause together.',
  'Then propose, and do not do before the person agrees: what to repair, and which runs to start again. A run that did something that cannot be taken back is not started again blindly.',
];
