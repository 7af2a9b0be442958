import { toolCall } from '../src/application/tool-call.ts';
import { completeRunId, completeStepId } from '../src/mcp/completions.ts';
import { defineResource } from '../src/mcp/define-resource.ts';
import { UNTRUSTED, boundedField, jsonContent } from '../src/mcp/resource-content.ts';
import { clip } from '../src/mcp/text-page.ts';

export const stepOutputResource = defineResource({
  name: 'step_output',
  title: 'Output of a step',
  description: 'How a step stands and what it gave, or its last error.',
  uri: 'workflow://runs/{run_id}/steps/{step_id}/output',
  mimeType: 'application/json',
  useCase: 'getWorkflow',
  complete: { run_id: completeRunId, step_id: completeStepId },
  read: async (application, context, { run_id, step_id }) => {
    const found = await application.getWorkflow(context, { run_id, step: step_id });
    if (!found.ok) return found;
    const { step, status } = found.value;
    if (step === undefined) throw new Error(`get_workflow answered without step ${step_id}`);
    const content = jsonContent({
      run_id,
      run_status: status,
      step_id,
      uses: step.uses,
      status: step.status,
      attempts: step.attempts,
      ...(step.error && {
        error: { code: step.error.code, message: clip(step.error.message, 2_000) },
      }),
      note: UNTRUSTED,
      ...boundedField('output', step.output, 24_000, (offset) =>
        toolCall('get_workflow', { run_id, step: step_id, offset }),
      ),
    });
    return { ok: true, value: content };
  },
});
