import { toolCall } from '../src/application/tool-call.ts';
import { completeRunId } from '../src/mcp/completions.ts';
import { defineResource } from '../src/mcp/define-resource.ts';

/** Registered with IANA. */
const MIME_TYPE = 'application/vnd.mermaid';

export const runGraphResource = defineResource({
  name: 'run_graph',
  title: 'Graph of a run',
  description: 'Mermaid flowchart of its steps, coloured by how they stand.',
  uri: 'workflow://runs/{run_id}/graph',
  mimeType: MIME_TYPE,
  useCase: 'getWorkflowGraph',
  complete: { run_id: completeRunId },
  read: async (application, context, { run_id }) => {
    const found = await application.getWorkflowGraph(context, { run_id });
    if (!found.ok) return found;
    const { graph, shown_steps, total_steps } = found.value;
    const cut = `%% The first ${shown_steps} of ${total_steps} steps: ${toolCall('get_workflow', { run_id })} pages through all.`;
    const text = shown_steps < total_steps ? `${graph}\n${cut}` : graph;
    return { ok: true, value: { mimeType: MIME_TYPE, text } };
  },
});
