import { cancelWorkflowInputSchema } from '../src/application/runs/cancel-workflow.ts';
import { commandAnswer } from '../src/mcp/command-answer.ts';
import { WRITES, defineTool } from '../src/mcp/define-tool.ts';
import { runOutputSchema } from '../src/mcp/output-schemas.ts';

export const cancelWorkflow = defineTool({
  name: 'cancel_workflow',
  title: 'Cancel a run',
  description:
    'Stop a run for good: running steps are told to stop, nothing else starts. Cannot be undone; pause_workflow can.',
  toolset: 'runs',
  useCase: 'cancelWorkflow',
  isDefault: true,
  inputSchema: cancelWorkflowInputSchema,
  outputSchema: runOutputSchema,
  annotations: { ...WRITES, destructiveHint: true, idempotentHint: true },
  run: async (application, context, input) => {
    const sent = await application.cancelWorkflow(context, input);
    return sent.ok ? { ok: true, value: commandAnswer(sent.value, 'cancellation accepted') } : sent;
  },
});
