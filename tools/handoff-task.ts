import { handoffTaskInputSchema } from '../src/application/agents/handoff-task.ts';
import { WRITES, defineTool } from '../src/mcp/define-tool.ts';
import { nextLines } from '../src/mcp/run-text.ts';

export const handoffTask = defineTool({
  name: 'handoff_task',
  title: 'Hand a claimed task on',
  description:
    'Give a task you hold to another agent, to any agent with a capability, or to a person, with a note and context. You no longer hold it then.',
  toolset: 'agents',
  useCase: 'handoffTask',
  isDefault: false,
  inputSchema: handoffTaskInputSchema,
  annotations: { ...WRITES, idempotentHint: true },
  run: async (application, context, input) => {
    const handed = await application.handoffTask(context, input);
    if (!handed.ok) return handed;
    const { run_id, step_id, to, duplicate, next } = handed.value;
    const done = duplicate ? 'was handed over before; nothing was changed now' : `handed to ${to}`;
    const text = [`step ${step_id} of run ${run_id}: ${done}`, ...nextLines(next)].join('\n');
    return { ok: true, value: { text } };
  },
});
