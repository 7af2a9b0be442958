import { z } from 'zod';
import type { JsonObject } from '../domain/json.ts';
import { nearestName } from '../domain/definition/nearest-name.ts';
import {
  STEP_KINDS,
  STEP_KIND_NAMES,
  isStepKindName,
  type StepKindName,
} from '../domain/definition/step-kinds.ts';
import type { RegisteredDefinition } from '../ports/definition-catalog.ts';
import { exampleInput } from './example-input.ts';
import { findDefinition } from './find-definition.ts';
import { failure, translatingErrors } from './outcome-error.ts';
import { levelsOf } from './register-workflow.ts';
import { toolCall } from './tool-call.ts';
import type { ApplicationPorts, CallContext, UseCase, UseCaseResult } from './use-case.ts';
import { listWorkers, type WorkerPresence } from './worker-presence.ts';

const PAGE = 50;

export const CATALOG_KINDS = ['workflows', 'step_kinds', 'workers'] as const;

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
  readonly name: StepKindName;
  readonly description: string;
  /** JSON Schema of `with`. */
  readonly input_schema: JsonObject;
  /** Keys of the step that this kind has a use for, beside those of every step. */
  readonly settings: readonly string[];
  /** Unless the step says otherwise. */
  readonly effect: string;
}

export interface Catalog {
  readonly workflows?: readonly CatalogWorkflow[];
  readonly step_kinds?: readonly { name: StepKindName; description: string }[];
  readonly workers?: readonly WorkerPresence[];
  /** With `name`. */
  readonly workflow?: WorkflowDetail;
  readonly step_kind?: StepKindDetail;
  /** Of the workflows. */
  readonly next_cursor?: string;
}

const KIND_DESCRIPTIONS: Readonly<Record<StepKindName, string>> = {
  shell: 'Runs a command (argument list, no shell) at a worker that allows its binary.',
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
  { tenant }: CallContext,
  { kind, cursor }: ListCatalogInput,
): Promise<UseCaseResult<Catalog>> {
  const wants = (part: (typeof CATALOG_KINDS)[number]): boolean =>
    kind === part || (kind === undefined && cursor === undefined);
  const definitions =
    wants('workflows') || cursor !== undefined
      ? await ports.store.listDefinitions(tenant, PAGE + 1, cursor)
      : undefined;
  const page = definitions?.slice(0, PAGE);
  const isMore = definitions !== undefined && definitions.length > PAGE;
  const last = page?.at(-1)?.name;
  return {
    ok: true,
    value: {
      ...(page && { workflows: page.map(entryOf) }),
      ...(isMore && last !== undefined && { next_cursor: last }),
      ...(wants('step_kinds') && {
        step_kinds: STEP_KIND_NAMES.map((name) => ({ name, description: KIND_DESCRIPTIONS[name] })),
      }),
      ...(wants('workers') && { workers: await listWorkers(ports.store) }),
    },
  };
}

async function detail(
  ports: ApplicationPorts,
  { tenant }: CallContext,
  name: string,
  kind: ListCatalogInput['kind'],
): Promise<UseCaseResult<Catalog>> {
  if (kind !== 'workflows' && isStepKindName(name))
    return { ok: true, value: { step_kind: kindDetail(name) } };
  if (kind === 'step_kinds') return unknownKind(name);
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

function unknownKind(name: string): UseCaseResult<never> {
  const nearest = nearestName(name, STEP_KIND_NAMES);
  return failure({
    code: 'unknown_step_kind',
    message: `There is no step kind "${name}".`,
    changed: 'nothing',
    next: `${nearest === undefined ? '' : `Did you mean "${nearest}"? `}Step kinds: ${STEP_KIND_NAMES.join(', ')}.`,
  });
}

function entryOf({ name, version, description }: RegisteredDefinition): CatalogWorkflow {
  return { name, version, ...(description !== undefined && { description }) };
}
