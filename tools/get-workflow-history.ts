import type { EventLine } from '../src/application/runs/event-line.ts';
import {
  getWorkflowHistoryInputSchema,
  type WorkflowHistory,
} from '../src/application/runs/get-workflow-history.ts';
import { READS, defineTool, type ToolAnswer } from '../src/mcp/define-tool.ts';
import { oneLine } from '../src/mcp/outside-text.ts';
import { historyOutputSchema } from '../src/mcp/output-schemas.ts';
import { pageOf } from '../src/mcp/text-page.ts';

/** For the lines; the structured events repeat them in about as much again. */
const LINES_BUDGET = 2_600;
const EVENTS_BUDGET = 4_000;

export const getWorkflowHistory = defineTool({
  name: 'get_workflow_history',
  title: 'Read the history of a run',
  description: 'Everything that happened to a run, in order, in pages.',
  toolset: 'runs',
  useCase: 'getWorkflowHistory',
  isDefault: false,
  inputSchema: getWorkflowHistoryInputSchema,
  outputSchema: historyOutputSchema,
  annotations: READS,
  run: async (application, context, input) => {
    const history = await application.getWorkflowHistory(context, input);
    return history.ok ? { ok: true, value: answer(history.value) } : history;
  },
});

function answer({ run_id, events, total, next_from }: WorkflowHistory): ToolAnswer {
  const byLines = pageOf(events.map(line), 0, LINES_BUDGET).lines;
  const byEvents = pageOf(
    events.map((event) => JSON.stringify(event)),
    0,
    EVENTS_BUDGET,
  ).lines;
  const shown = events.slice(0, Math.min(byLines.length, byEvents.length));
  const next = shown.length < events.length ? events[shown.length]?.sequence : next_from;
  const text = [
    `run ${run_id}: events ${shown[0]?.sequence ?? 0} to ${shown.at(-1)?.sequence ?? 0} of ${total}`,
    ...byLines.slice(0, shown.length),
    ...(next === undefined
      ? []
      : [`more: get_workflow_history ${JSON.stringify({ run_id, from: next })}`]),
  ].join('\n');
  const structured = {
    run_id,
    total,
    events: shown.map((event) => ({ ...event })),
    ...(next !== undefined && { next_from: next }),
  };
  return { text, structured };
}

function line({ sequence, at, actor, text }: EventLine): string {
  return oneLine(`${sequence} ${at} ${text} (${actor})`);
}
