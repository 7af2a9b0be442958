import { pauseWorkflowInputSchema } from '../src/application/runs/pause-workflow.ts';
import { commandAnswer } from '../src/mcp/command-answer.ts';
import { WRITES, defineTool } from '../src/mcp/define-tool.ts';
import { runOutputSchema } from '../src/mcp/output-schemas.ts';

export const pauseWorkflow = defineTool({
  name: 'pause_workflow',
  title: 'Pause a run',
  description: 'Hold a run: running steps finish, no others start until resume_workflow.',
  toolset: 'runs',
  useCase: 'pauseWorkflow',
  isDefault: false,
  inputSchema: pauseWorkflowInputSchema,
  outputSchema: runOutputSchema,
  annotations: { ...WRITES, idempotentHint: true },
  run: async (application, context, input) => {
    const sent = await application.pauseWorkflow(context, input);
    return sent.ok ? { ok: true, value: commandAnswer(sent.value, 'paused') } : sent;
  },
});
