import {
  explainWorkflowInputSchema,
  type WorkflowExplanation,
} from '../src/application/runs/explain-workflow.ts';
import { READS, defineTool } from '../src/mcp/define-tool.ts';
import { oneLine } from '../src/mcp/outside-text.ts';
import { headLine, nextLines, reasonLine, stepLine } from '../src/mcp/run-text.ts';
import { clip, costOf, pageOf } from '../src/mcp/text-page.ts';
import { MAX_RESULT_CHARS } from '../src/mcp/tool-result.ts';

export const explainWorkflow = defineTool({
  name: 'explain_workflow',
  title: 'Explain a run',
  description:
    'Why a run is stuck, slow or failed: each open step with its reason (missing worker, lease, retry time, awaited signal, undecided outcome) and the exact call that moves it on.',
  toolset: 'runs',
  useCase: 'explainWorkflow',
  isDefault: true,
  inputSchema: explainWorkflowInputSchema,
  annotations: READS,
  run: async (application, context, input) => {
    const explained = await application.explainWorkflow(context, input);
    return explained.ok ? { ok: true, value: { text: textOf(explained.value) } } : explained;
  },
});

function textOf(explained: WorkflowExplanation): string {
  const head = [headLine(explained), clip(oneLine(explained.headline), 700)];
  const tail = nextLines(explained.next);
  const lines = [
    ...explained.failures.map((step) => `- failed: ${stepLine(step)}`),
    ...explained.reasons.map((reason) => clip(reasonLine(reason, explained.next), 900)),
  ];
  const page = pageOf(lines, 0, MAX_RESULT_CHARS - costOf([...head, ...tail].join('\n')) - 150);
  const rest = lines.length - page.lines.length;
  const more = rest > 0 ? [`- and ${rest} more step(s): get_workflow lists them`] : [];
  return [...head, ...page.lines, ...more, ...tail].join('\n');
}
