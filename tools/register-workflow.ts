import {
  registerWorkflowInputSchema,
  type WorkflowRegistration,
} from '../src/application/catalog/register-workflow.ts';
import { WRITES, defineTool } from '../src/mcp/define-tool.ts';
import { registrationOutputSchema } from '../src/mcp/output-schemas.ts';
import { nextLines } from '../src/mcp/run-text.ts';
import { clip, pageOf } from '../src/mcp/text-page.ts';

export const registerWorkflow = defineTool({
  name: 'register_workflow',
  title: 'Register a workflow',
  description:
    'Check and register a workflow definition. Keys: name, input (JSON Schema), steps [{id, uses, with, needs, if, timeout, retry}], output; values may hold ${{ input.x }} and ${{ steps.id.output }}. list_catalog describes the step kinds. Same content keeps its version. With dry_run nothing is registered.',
  toolset: 'definitions',
  useCase: 'registerWorkflow',
  isDefault: false,
  inputSchema: registerWorkflowInputSchema,
  outputSchema: registrationOutputSchema,
  annotations: { ...WRITES, idempotentHint: true },
  run: async (application, context, input) => {
    const registered = await application.registerWorkflow(context, input);
    if (!registered.ok) return registered;
    const { name, version, created, dry_run, hash } = registered.value;
    const structured = { name, created, dry_run, hash, ...(version !== undefined && { version }) };
    return { ok: true, value: { text: textOf(registered.value), structured } };
  },
});

function textOf(registered: WorkflowRegistration): string {
  const levels = registered.levels.map(
    (ids, level) => `${level + 1}: ${clip(ids.join(', '), 400)}`,
  );
  const order = pageOf(levels, 0, 2_500).lines;
  const graph = pageOf(registered.graph.split('\n'), 0, 3_000);
  return [
    statusOf(registered),
    ...(registered.queues.length > 0
      ? [`needs workers for: ${clip(registered.queues.join(', '), 300)}`]
      : []),
    'order (steps of one line may run in parallel):',
    ...order,
    ...(order.length < levels.length ? [`and ${levels.length - order.length} more levels`] : []),
    ...(graph.nextOffset === undefined ? ['graph (Mermaid):', ...graph.lines] : []),
    ...nextLines(registered.next),
  ].join('\n');
}

function statusOf({ name, version, created, dry_run }: WorkflowRegistration): string {
  if (dry_run) return `${name} is valid; nothing was registered (dry run)`;
  return created
    ? `registered ${name}@${version ?? 0}`
    : `${name}@${version ?? 0} was registered before with the same content; nothing was changed`;
}
