import { resumeWorkflowInputSchema } from '../src/application/runs/resume-workflow.ts';
import { commandAnswer } from '../src/mcp/command-answer.ts';
import { WRITES, defineTool } from '../src/mcp/define-tool.ts';
import { runOutputSchema } from '../src/mcp/output-schemas.ts';

export const resumeWorkflow = defineTool({
  name: 'resume_workflow',
  title: 'Resume a run',
  description: 'Let a paused run go on.',
  toolset: 'runs',
  useCase: 'resumeWorkflow',
  isDefault: false,
  inputSchema: resumeWorkflowInputSchema,
  outputSchema: runOutputSchema,
  annotations: { ...WRITES, idempotentHint: true },
  run: async (application, context, input) => {
    const sent = await application.resumeWorkflow(context, input);
    return sent.ok ? { ok: true, value: commandAnswer(sent.value, 'resumed') } : sent;
  },
});
