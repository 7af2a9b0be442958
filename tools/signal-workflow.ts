import { signalWorkflowInputSchema } from '../src/application/runs/signal-workflow.ts';
import { commandAnswer } from '../src/mcp/command-answer.ts';
import { WRITES, defineTool } from '../src/mcp/define-tool.ts';
import { runOutputSchema } from '../src/mcp/output-schemas.ts';

export const signalWorkflow = defineTool({
  name: 'signal_workflow',
  title: 'Signal a run',
  description:
    'Send a named signal that a step waits for (or will wait for), or decide with step_id and resolution what became of a step whose outcome is unknown. explain_workflow shows the exact call.',
  toolset: 'runs',
  useCase: 'signalWorkflow',
  isDefault: true,
  inputSchema: signalWorkflowInputSchema,
  outputSchema: runOutputSchema,
  annotations: WRITES,
  run: async (application, context, input) => {
    const sent = await application.signalWorkflow(context, input);
    if (!sent.ok) return sent;
    return { ok: true, value: commandAnswer(sent.value, sent.value.effect) };
  },
});
