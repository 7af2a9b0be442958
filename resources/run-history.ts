import type { WorkflowHistory } from '../src/application/runs/get-workflow-history.ts';
import { toolCall } from '../src/application/tool-call.ts';
import type { JsonObject } from '../src/domain/json.ts';
import { completeRunId } from '../src/mcp/completions.ts';
import { defineResource } from '../src/mcp/define-resource.ts';
import { jsonContentThatFits } from '../src/mcp/resource-content.ts';

const NEWEST = 100;

export const runHistoryResource = defineResource({
  name: 'run_history',
  title: 'History of a run',
  description: `Its newest ${NEWEST} events, in order, and the call that reads those before.`,
  uri: 'workflow://runs/{run_id}/history',
  mimeType: 'application/json',
  useCase: 'getWorkflowHistory',
  complete: { run_id: completeRunId },
  read: async (application, context, { run_id }) => {
    const first = await application.getWorkflowHistory(context, { run_id, limit: 1 });
    if (!first.ok) return first;
    const from = Math.max(1, first.value.total - NEWEST + 1);
    const history = await application.getWorkflowHistory(context, { run_id, from, limit: NEWEST });
    if (!history.ok) return history;
    const { value } = history;
    return {
      ok: true,
      value: jsonContentThatFits(value.events.length, (count) => shape(value, count)),
    };
  },
});

function shape({ run_id, total, events }: WorkflowHistory, count: number): JsonObject {
  const shown = count === 0 ? [] : events.slice(-count);
  const earlier = (shown[0]?.sequence ?? total + 1) - 1;
  return {
    run_id,
    total,
    ...(earlier > 0 && {
      earlier_events: earlier,
      earlier: toolCall('get_workflow_history', { run_id, from: 1 }),
    }),
    events: shown.map((event) => ({ ...event })),
  };
}
