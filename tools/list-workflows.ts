import { listWorkflowsInputSchema } from '../src/application/runs/list-workflows.ts';
import { READS, defineTool } from '../src/mcp/define-tool.ts';

export const listWorkflows = defineTool({
  name: 'list_workflows',
  title: 'List runs',
  description: 'Workflow runs, newest first: run_id, workflow, status, start.',
  toolset: 'runs',
  useCase: 'listWorkflows',
  isDefault: true,
  inputSchema: listWorkflowsInputSchema,
  annotations: READS,
  run: async (application, context, input) => {
    const listed = await application.listWorkflows(context, input);
    if (!listed.ok) return listed;
    const { runs, next_cursor } = listed.value;
    const lines = runs.map(({ run_id, workflow, status, started_at, finished_at }) =>
      [run_id, workflow, status, started_at, ...(finished_at ? [`to ${finished_at}`] : [])].join(
        ' ',
      ),
    );
    const empty = 'no runs match; list_catalog shows what can be started';
    const more =
      next_cursor === undefined
        ? []
        : [`more: list_workflows ${JSON.stringify({ ...input, cursor: next_cursor })}`];
    return {
      ok: true,
      value: { text: [...(lines.length > 0 ? lines : [empty]), ...more].join('\n') },
    };
  },
});
