import {
  awaitWorkflowInputSchema,
  type AwaitedWorkflow,
} from '../src/application/runs/await-workflow.ts';
import type { EventLine } from '../src/application/runs/event-line.ts';
import { READS, defineTool, type ToolAnswer } from '../src/mcp/define-tool.ts';
import { oneLine } from '../src/mcp/outside-text.ts';
import { awaitOutputSchema } from '../src/mcp/output-schemas.ts';
import {
  attentionLines,
  endLines,
  headLine,
  nextLines,
  structuredRun,
} from '../src/mcp/run-text.ts';
import { pageOf } from '../src/mcp/text-page.ts';

const EVENTS_BUDGET = 2_200;

export const awaitWorkflow = defineTool({
  name: 'await_workflow',
  title: 'Wait for a run',
  description:
    'Wait until a run finishes or needs somebody, and read what is new. Returns after wait_seconds at the latest: while finished is false, call again with next_cursor. Giving up waiting never stops the run.',
  toolset: 'runs',
  useCase: 'awaitWorkflow',
  isDefault: true,
  inputSchema: awaitWorkflowInputSchema,
  outputSchema: awaitOutputSchema,
  annotations: READS,
  run: async (application, context, input) => {
    const { wait_seconds } = input;
    const capped = Math.min(wait_seconds ?? 20, context.maxWaitSeconds);
    const seen = await application.awaitWorkflow(context, { ...input, wait_seconds: capped });
    return seen.ok ? { ok: true, value: answer(seen.value) } : seen;
  },
});

function answer(seen: AwaitedWorkflow): ToolAnswer {
  const text = [
    headLine(seen),
    ...eventLines(seen),
    ...endLines(seen, 1_200),
    ...attentionLines(seen.attention, seen.next, 3),
    `finished: ${seen.finished}`,
    `next_cursor: ${seen.next_cursor}`,
    ...nextLines(seen.next),
  ].join('\n');
  const { finished, next_cursor } = seen;
  return { text, structured: { ...structuredRun(seen), finished, next_cursor } };
}

/** The newest events that fit, oldest first. */
function eventLines({ events, events_left_out }: AwaitedWorkflow): string[] {
  const newest = pageOf(events.toReversed().map(line), 0, EVENTS_BUDGET).lines;
  const left = events_left_out + events.length - newest.length;
  return [
    ...(left > 0 ? [`${left} earlier event(s): get_workflow_history`] : []),
    ...(events.length === 0 ? ['nothing new'] : newest.toReversed()),
  ];
}

function line({ sequence, at, text }: EventLine): string {
  return `${sequence} ${at.slice(11, 19)} ${oneLine(text)}`;
}
