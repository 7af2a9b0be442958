import {
  startWorkflowInputSchema,
  type StartedWorkflow,
} from '../src/application/runs/start-workflow.ts';
import { WRITES, defineTool, type ToolAnswer } from '../src/mcp/define-tool.ts';
import { runOutputSchema } from '../src/mcp/output-schemas.ts';
import {
  attentionLines,
  endLines,
  headLine,
  nextLines,
  structuredRun,
} from '../src/mcp/run-text.ts';

export const startWorkflow = defineTool({
  name: 'start_workflow',
  title: 'Start a workflow',
  description:
    'Start a durable run of a registered workflow (list_catalog names them). Answers a run_id at once; the run goes on without you. Then call await_workflow.',
  toolset: 'runs',
  useCase: 'startWorkflow',
  isDefault: true,
  inputSchema: startWorkflowInputSchema,
  outputSchema: runOutputSchema,
  annotations: WRITES,
  run: async (application, context, input) => {
    const wait_seconds = Math.min(input.wait_seconds ?? 0, context.maxWaitSeconds);
    const started = await application.startWorkflow(context, { ...input, wait_seconds });
    return started.ok ? { ok: true, value: answer(started.value) } : started;
  },
});

function answer(started: StartedWorkflow): ToolAnswer {
  const what = started.duplicate
    ? ['already started by an earlier call with this idempotency_key; nothing was started now']
    : [];
  const text = [
    headLine(started),
    ...what,
    ...endLines(started, 1_500),
    ...attentionLines(started.attention, started.next),
    ...nextLines(started.next),
  ].join('\n');
  return {
    text,
    structured: { ...structuredRun(started), ...(started.duplicate && { duplicate: true }) },
  };
}
