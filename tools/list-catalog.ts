import { listCatalogInputSchema, type Catalog } from '../src/application/catalog/list-catalog.ts';
import { READS, defineTool } from '../src/mcp/define-tool.ts';
import { jsonLine, oneLine } from '../src/mcp/outside-text.ts';
import { checkpointLine } from '../src/mcp/run-text.ts';
import { clip, pageOf } from '../src/mcp/text-page.ts';

export const listCatalog = defineTool({
  name: 'list_catalog',
  title: 'List what can be started',
  description:
    'Registered workflows, step kinds, workers, agents and checkpoints. With name: the input schema of one of them; read it before start_workflow.',
  toolset: 'definitions',
  useCase: 'listCatalog',
  isDefault: true,
  inputSchema: listCatalogInputSchema,
  annotations: READS,
  run: async (application, context, input) => {
    const catalog = await application.listCatalog(context, input);
    return catalog.ok ? { ok: true, value: { text: lines(catalog.value).join('\n') } } : catalog;
  },
});

function lines(catalog: Catalog): string[] {
  return [
    ...workflowLines(catalog),
    ...kindLines(catalog),
    ...workerLines(catalog),
    ...agentLines(catalog),
    ...checkpointLines(catalog),
    ...detailLines(catalog),
  ];
}

function workflowLines({ workflows, next_cursor }: Catalog): string[] {
  if (workflows === undefined) return [];
  const described = workflows.map(({ name, version, description }) =>
    clip(
      oneLine(`- ${name}@${version}${description === undefined ? '' : `: ${description}`}`),
      160,
    ),
  );
  const page = pageOf(described, 0, 4_500);
  const cut = page.nextOffset === undefined ? next_cursor : workflows[page.nextOffset - 1]?.name;
  const more = cut === undefined ? [] : [`more: list_catalog ${JSON.stringify({ cursor: cut })}`];
  return workflows.length === 0
    ? ['workflows: none registered; register_workflow adds one']
    : ['workflows:', ...page.lines, ...more];
}

function kindLines({ step_kinds }: Catalog): string[] {
  if (step_kinds === undefined) return [];
  const page = pageOf(
    step_kinds.map(({ name, description }) => clip(oneLine(`- ${name}: ${description}`), 250)),
    0,
    2_500,
  );
  const rest = step_kinds.length - page.lines.length;
  return ['step kinds:', ...page.lines, ...(rest > 0 ? [`- and ${rest} more`] : [])];
}

function workerLines({ workers }: Catalog): string[] {
  if (workers === undefined) return [];
  if (workers.length === 0)
    return ['workers: none alive (shell steps need one; steps for agents do not)'];
  const shown = workers
    .slice(0, 10)
    .map(({ workerId, busy, limit, queues }) =>
      clip(`- ${workerId}: ${busy} of ${limit} busy, serves ${queues.join(', ')}`, 300),
    );
  const rest = workers.length - shown.length;
  return ['workers:', ...shown, ...(rest > 0 ? [`- and ${rest} more`] : [])];
}

function agentLines({ agents }: Catalog): string[] {
  if (agents === undefined) return [];
  if (agents.length === 0) return ['agents: none'];
  const shown = agents
    .slice(0, 15)
    .map(({ agent_id, capabilities, status }) =>
      clip(`- ${agent_id} (${status}): ${capabilities.join(', ')}`, 200),
    );
  const rest = agents.length - shown.length;
  return ['agents:', ...shown, ...(rest > 0 ? [`- and ${rest} more`] : [])];
}

function checkpointLines({ checkpoints }: Catalog): string[] {
  if (checkpoints === undefined) return [];
  if (checkpoints.length === 0) return ['checkpoints: none'];
  const shown = checkpoints
    .slice(0, 10)
    .map((one) => clip(`- ${one.workflow}: ${checkpointLine(one)}`, 240));
  const rest = checkpoints.length - shown.length;
  return ['checkpoints:', ...shown, ...(rest > 0 ? [`- and ${rest} older`] : [])];
}

function detailLines({ workflow, step_kind }: Catalog): string[] {
  if (step_kind)
    return [
      oneLine(`step kind ${step_kind.name}: ${step_kind.description}`),
      `with: ${clip(JSON.stringify(step_kind.input_schema), 3_000)}`,
      ...(step_kind.output_schema === undefined
        ? []
        : [`output: ${clip(JSON.stringify(step_kind.output_schema), 1_500)}`]),
      `effect unless the step says otherwise: ${step_kind.effect}`,
      `keys of every step: id, uses, with, needs, if, outputSchema, description${step_kind.settings.map((key) => `, ${key}`).join('')}`,
    ];
  if (!workflow) return [];
  const { name, version, description, input_schema } = workflow;
  const steps = workflow.steps.map(
    ({ id, uses, needs }) =>
      `- ${id} ${uses}${needs.length > 0 ? ` after ${needs.join(', ')}` : ''}`,
  );
  const page = pageOf(
    steps.map((step) => clip(step, 200)),
    0,
    2_500,
  );
  const rest = steps.length - page.lines.length;
  return [
    `workflow ${name}@${version}${description === undefined ? '' : `: ${clip(oneLine(description), 500)}`}`,
    `input schema: ${clip(jsonLine(JSON.stringify(input_schema)), 2_500)}`,
    `steps (${steps.length}):`,
    ...page.lines,
    ...(rest > 0 ? [`- and ${rest} more`] : []),
    'next:',
    `- ${workflow.next}`,
  ];
}
