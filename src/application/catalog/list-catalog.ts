import { z } from 'zod';
import type { JsonObject } from '../../domain/json.ts';
import { nearestName } from '../../domain/definition/nearest-name.ts';
import {
  STEP_KINDS,
  STEP_KIND_NAMES,
  isStepKindName,
  type StepKindName,
} from '../../domain/definition/step-kinds.ts';
import type { RegisteredDefinition } from '../../ports/definition-catalog.ts';
import type { LoadedKind } from '../../ports/loaded-kind.ts';
import { listAgents } from '../agents/agent-registry.ts';
import { viewAgent, type AgentView } from '../agents/agent-view.ts';
import { exampleInput } from './example-input.ts';
import { findDefinition } from './find-definition.ts';
import { newestCheckpoints, type ListedCheckpoint } from '../checkpoints/list-checkpoints.ts';
import { listLoadedKinds } from './loaded-kinds.ts';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import { levelsOf } from './register-workflow.ts';
import { shownWorkers } from '../access/tenant-view.ts';
import { toolCall } from '../tool-call.ts';
import type { ApplicationPorts, CallContext, UseCase, UseCaseResult } from '../use-case.ts';
import { listWorkers, type WorkerPresence } from '../engine/worker-presence.ts';

const PAGE = 50;

export const CATALOG_KINDS = [
  'workflows',
  'step_kinds',
  'workers',
  'agents',
  'checkpoints',
] as const;

export const listCatalogInputSchema = z.object({
  kind: z.enum(CATALOG_KINDS).optional().describe('Default: all'),
  name: z.string().min(1).optional().describe('One workflow or step kind in detail'),
  cursor: z.string().min(1).optional().describe('next_cursor of the last page'),
});
export type ListCatalogInput = z.infer<typeof listCatalogInputSchema>;

export interface CatalogWorkflow {
  readonly name: string;
  readonly version: number;
  readonly description?: string;
}

export interface WorkflowDetail extends CatalogWorkflow {
  /** The call that starts it, with what has to be filled in. */
  readonly next: string;
  readonly hash: string;
  /** JSON Schema; `{}` takes anything. */
  readonly input_schema: JsonObject;
  readonly levels: readonly (readonly string[])[];
  readonly steps: readonly { id: string; uses: string; needs: readonly string[]; queue?: string }[];
}

export interface StepKindDetail {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of `with`. */
  readonly input_schema: JsonObject | boolean;
  /** Of a loaded handler that declares one: JSON Schema of the output, unless the step has its own. */
  readonly output_schema?: JsonObject | boolean;
  /** Keys of the step that this kind has a use for, beside those of every step. */
  readonly settings: readonly string[];
  /** Unless the step says otherwise. */
  readonly effect: string;
}

export interface Catalog {
  readonly workflows?: readonly CatalogWorkflow[];
  readonly step_kinds?: readonly { name: string; description: string }[];
  /** Of the installation: only a caller of the default tenant is told of any. */
  readonly workers?: readonly WorkerPresence[];
  readonly agents?: readonly AgentView[];
  /** Of the newest runs that have some. */
  readonly checkpoints?: readonly ListedCheckpoint[];
  /** With `name`. */
  readonly workflow?: WorkflowDetail;
  readonly step_kind?: StepKindDetail;
  /** Of the workflows. */
  readonly next_cursor?: string;
}

const KIND_DESCRIPTIONS: Readonly<Record<StepKindName, string>> = {
  shell: 'Runs a command (argument list, no shell) at a worker that allows its binary.',
  agent:
    'Work for an agent with a capability (or one agent by id), which claims it with claim_task and reports it with report_task; `output` is its contract.',
  approval: 'Asks people a question and waits for their answer; a rejection fails the step.',
  transform: 'Evaluates its `with`; the value is its output.',
  wait: 'Waits `for` a duration or `until` a time.',
  signal: 'Waits for a named signal; its payload is the output.',
  fail: 'Fails the step with a message.',
};

/** What can be started, what steps can be made of, and who is there to run them. */
export function createListCatalog(ports: ApplicationPorts): UseCase<ListCatalogInput, Catalog> {
  return (context, input) =>
    translatingErrors('nothing', () =>
      input.name === undefined
        ? overview(ports, context, input)
        : detail(ports, context, input.name, input.kind),
    );
}

async function overview(
  ports: ApplicationPorts,
  context: CallContext,
  { kind, cursor }: ListCatalogInput,
): Promise<UseCaseResult<Catalog>> {
  const { tenant } = context;
  const wants = (part: (typeof CATALOG_KINDS)[number]): boolean =>
    kind === part || (kind === undefined && cursor === undefined);
  const definitions =
    wants('workflows') || cursor !== undefined
      ? await ports.store.listDefinitions(tenant, PAGE + 1, cursor)
      : undefined;
  const page = definitions?.slice(0, PAGE);
  const isMore = definitions !== undefined && definitions.length > PAGE;
  const last = page?.at(-1)?.name;
  const loaded = wants('step_kinds') ? await listLoadedKinds(ports) : [];
  return {
    ok: true,
    value: {
      ...(page && { workflows: page.map(entryOf) }),
      ...(isMore && last !== undefined && { next_cursor: last }),
      ...(wants('step_kinds') && {
        step_kinds: [
          ...STEP_KIND_NAMES.map((name) => ({ name, description: KIND_DESCRIPTIONS[name] })),
          ...loaded.map(({ name, description }) => ({ name, description })),
        ],
      }),
      ...(wants('workers') && { workers: shownWorkers(context, await listWorkers(ports.store)) }),
      ...(wants('agents') && { agents: await agentsOf(ports, tenant) }),
      ...(wants('checkpoints') && {
        checkpoints: (await newestCheckpoints(ports, tenant)).checkpoints,
      }),
    },
  };
}

async function agentsOf({ store, clock }: ApplicationPorts, tenant: string): Promise<AgentView[]> {
  const agents = await listAgents(store, tenant);
  return agents.map((agent) => viewAgent(agent, clock.now()));
}

async function detail(
  ports: ApplicationPorts,
  { tenant }: CallContext,
  name: string,
  kind: ListCatalogInput['kind'],
): Promise<UseCaseResult<Catalog>> {
  if (kind !== 'workflows' && isStepKindName(name))
    return { ok: true, value: { step_kind: kindDetail(name) } };
  const loaded = kind === 'workflows' ? [] : await listLoadedKinds(ports);
  const own = loaded.find((one) => one.name === name);
  if (own !== undefined) return { ok: true, value: { step_kind: loadedKindDetail(own) } };
  if (kind === 'step_kinds') return unknownKind(name, loaded);
  const found = await findDefinition(ports.store, tenant, name);
  if (!found.ok) return found;
  return { ok: true, value: { workflow: await workflowDetail(ports, tenant, found.value) } };
}

async function workflowDetail(
  ports: ApplicationPorts,
  tenant: string,
  registered: RegisteredDefinition,
): Promise<WorkflowDetail> {
  const plan = await ports.plans.get(tenant, registered.hash);
  return {
    ...entryOf(registered),
    hash: registered.hash,
    input_schema: plan.definition.input ?? {},
    next: toolCall('start_workflow', {
      workflow: registered.name,
      input: exampleInput(plan.definition.input),
    }),
    levels: levelsOf(plan),
    steps: plan.steps.map(({ id, uses, needs, queue }) => ({
      id,
      uses,
      needs: needs.map((need) => plan.steps[need]?.id ?? ''),
      ...(queue !== undefined && { queue }),
    })),
  };
}

function kindDetail(name: StepKindName): StepKindDetail {
  const schema = z.toJSONSchema(STEP_KINDS[name].inputSchema, {
    io: 'input',
    unrepresentable: 'any',
  });
  // A JSON Schema that zod wrote is plain JSON; the copy drops its hidden properties.
  const input_schema = JSON.parse(JSON.stringify(schema)) as JsonObject;
  delete input_schema.$schema;
  const { settings, effect } = STEP_KINDS[name];
  return { name, description: KIND_DESCRIPTIONS[name], input_schema, settings, effect };
}

function loadedKindDetail({ name, description, declaration }: LoadedKind): StepKindDetail {
  const { input, output, effect } = declaration;
  return {
    name,
    description,
    input_schema: input,
    ...(output !== undefined && { output_schema: output }),
    // A worker performs it, as it does shell steps.
    settings: STEP_KINDS.shell.settings,
    effect,
  };
}

function unknownKind(name: string, loaded: readonly LoadedKind[]): UseCaseResult<never> {
  const names = [...STEP_KIND_NAMES, ...loaded.map((one) => one.name)];
  const nearest = nearestName(name, names);
  return failure({
    code: 'unknown_step_kind',
    message: `There is no step kind "${name}".`,
    changed: 'nothing',
    next: `${nearest === undefined ? '' : `Did you mean "${nearest}"? `}Step kinds: ${names.join(', ')}.`,
  });
}

function entryOf({ name, version, description }: RegisteredDefinition): CatalogWorkflow {
  return { name, version, ...(description !== undefined && { description }) };
}
