import {
  reportTaskInputSchema,
  type TaskReportAnswer,
} from '../src/application/agents/report-task.ts';
import { WRITES, defineTool } from '../src/mcp/define-tool.ts';
import { nextLines } from '../src/mcp/run-text.ts';

export const reportTask = defineTool({
  name: 'report_task',
  title: 'Report on a claimed task',
  description:
    'Complete a claimed task with its output, fail it with a reason, or release it to others; while you work, send heartbeat or progress to keep it. An output that breaks output_schema is refused with the reasons, and the task stays yours.',
  toolset: 'agents',
  useCase: 'reportTask',
  isDefault: true,
  inputSchema: reportTaskInputSchema,
  annotations: { ...WRITES, idempotentHint: true },
  run: async (application, context, input) => {
    const reported = await application.reportTask(context, input);
    if (!reported.ok) return reported;
    const { value } = reported;
    const text = [effectOf(value), ...nextLines(value.next)].join('\n');
    return { ok: true, value: { text } };
  },
});

function effectOf({ step_id, run_id, action, ...more }: TaskReportAnswer): string {
  const what = `step ${step_id} of run ${run_id}`;
  if (more.cancelled)
    return `${what}: nobody wants this work any more (cancelled, or its time is up). Stop, and report nothing further.`;
  if (more.duplicate) return `${what}: this report was recorded before; nothing was changed now`;
  if (more.lease_expires_at !== undefined)
    return `${what}: the task is yours until ${more.lease_expires_at}`;
  if (more.undecided)
    return `${what}: given back; its effect may have begun, so it is offered to nobody until somebody decides`;
  if (action === 'release') return `${what}: released; who may claim it can, you too`;
  return `${what}: ${action === 'complete' ? 'completion' : 'failure'} recorded`;
}
