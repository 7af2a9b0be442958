import { z } from 'zod';
import type { Catalog } from '../src/application/catalog/list-catalog.ts';
import { toolCall } from '../src/application/tool-call.ts';
import { definePrompt, type PromptContext } from '../src/mcp/define-prompt.ts';
import { composePrompt } from '../src/mcp/prompt-text.ts';
import { clip } from '../src/mcp/text-page.ts';

export const planWorkflow = definePrompt({
  name: 'plan_workflow',
  title: 'Plan a workflow for a goal',
  description:
    'Turns a goal into a durable workflow, from the workflows, step kinds and workers that are there.',
  argsSchema: z.object({
    goal: z.string().trim().min(1).describe('What is to be achieved, and what must not happen'),
  }),
  build: async (application, context, { goal }) => {
    const catalog = await application.listCatalog(context, {});
    if (!catalog.ok) return catalog;
    const { workflows = [], next_cursor } = catalog.value;
    const text = composePrompt({
      head: [
        'Plan a durable Baton workflow for this goal:',
        clip(goal, 1_500),
        '',
        ...kindLines(catalog.value),
        ...workerLines(catalog.value),
        '',
        ...LANGUAGE,
        '',
        workflows.length === 0
          ? 'No workflow is registered yet.'
          : 'Registered workflows; start one of them instead if it does what is needed:',
      ],
      blocks: workflows.map(({ name, version, description = '' }) => [
        `- ${name}@${version}${description === '' ? '' : `: ${clip(description.replaceAll(/\s+/g, ' '), 120)}`}`,
      ]),
      more: (count) =>
        `- and ${count}${next_cursor === undefined ? '' : ' or'} more: ${toolCall('list_catalog', { kind: 'workflows' })}`,
      tail: ['', ...steps(context)],
    });
    return { ok: true, value: text };
  },
});

function kindLines({ step_kinds = [] }: Catalog): string[] {
  return [
    'Step kinds (`uses`); the call list_catalog {"name":"<kind>"} shows what `with` takes:',
    ...step_kinds.map(({ name, description }) => `- ${name}: ${description}`),
  ];
}

function workerLines({ workers = [] }: Catalog): string[] {
  const queues = [...new Set(workers.flatMap((worker) => worker.queues))];
  return queues.length === 0
    ? ['No worker is alive that runs steps: shell steps would wait (`no_worker`).']
    : [`Queues that live workers serve: ${clip(queues.join(', '), 400)}.`];
}

/** What the schema cannot say in short. */
const LANGUAGE: readonly string[] = [
  'The language, in short (YAML or JSON):',
  'name: release-check            # lower case, hyphens allowed',
  'input: { type: object, required: [repo], properties: { repo: { type: string } } }',
  'onFailure: stop                # or continue',
  'steps:',
  '  - id: test                   # lower case letters, digits, underscores',
  '    uses: shell',
  '    with: { command: [npm, test], cwd: "${{ input.repo }}" }   # a list, no shell',
  '    timeout: 10m',
  '    retry: { maxAttempts: 3, initialDelay: 1s }',
  '  - id: review',
  '    uses: agent                # claimed by an agent that can do it',
  '    needs: [test]              # no needs: starts at once, in parallel',
  '    with: { capability: code-review, instructions: "Review ${{ input.repo }}", output: { type: object } }',
  '  - id: ask',
  '    uses: approval             # a person decides; a no fails the step',
  '    needs: [review]',
  '    with: { question: "Release?", expires: 24h }',
  '  - id: report',
  '    uses: transform',
  '    needs: [ask]',
  '    if: "${{ always() }}"      # default success(); also failure()',
  '    with: { status: "${{ steps.test.status }}" }',
  'output: "${{ steps.report.output }}"',
  'Expressions are CEL in ${{ }}: input, steps.<id>.{status,output,error,attempts}, run, env. Use steps.<id> only of steps that `needs` leads to. An effect that must not happen twice: `effect: unsafe` (or `keyed` where the target honours an idempotency key). `outputSchema` holds a step to its contract.',
];

function steps({ offers }: PromptContext): string[] {
  const missing = ['register_workflow', 'start_workflow'].filter((name) => !offers(name));
  return [
    'Then:',
    '1. Write the definition: small steps, parallel where nothing forbids it, a person (approval) before anything that cannot be taken back.',
    '2. register_workflow {"definition":"…","dry_run":true} names every mistake with its place; show the plan and its graph before you register it.',
    '3. register_workflow {"definition":"…"}, then start_workflow {"workflow":"…","input":{…},"idempotency_key":"…"} and await_workflow with the run_id.',
    ...(missing.length === 0
      ? []
      : [
          `Not offered by this server as it was started: ${missing.join(', ')}. A person can run "baton register FILE" and "baton run NAME", or start it with --toolsets all and without --read-only.`,
        ]),
  ];
}
