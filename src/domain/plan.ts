import type { DefinitionError, Violation } from './definition/definition-error.ts';
import { ErrorList } from './definition/error-list.ts';
import type { CompiledExpression } from './expression/expression.ts';
import { ExpressionCache } from './expression/expression-cache.ts';
import { buildGraph, dependentsOf } from './graph.ts';
import type { Json } from './json.ts';
import type { JsonSchemaValidator } from './definition/json-schema.ts';
import { checkReferences, type Reference } from './definition/plan-references.ts';
import { indexSteps, resolveNeeds } from './definition/plan-needs.ts';
import { compileStep, type CompiledStep } from './definition/plan-step.ts';
import { compileSchemaAt, type SchemaValidator } from './definition/plan-schema.ts';
import type { Priority } from './priority.ts';
import type { RetryPolicy } from './retry-policy.ts';
import type { EffectClass, Performer } from './definition/step-kind.ts';
import { KindTable } from './definition/kind-table.ts';
import { compileTemplate, type Template, type TemplateContext } from './expression/template.ts';
import type { WorkflowDefinition } from './definition/workflow-definition.ts';

export interface PlannedStep {
  /** Position in the definition. */
  readonly index: number;
  readonly id: string;
  /** A built-in kind, or a third party's that the definition pins. */
  readonly uses: string;
  readonly performer: Performer;
  /** The queue that workers or agents claim it from; `undefined`: run by the engine itself. */
  readonly queue: string | undefined;
  /** Compiled `with`. */
  readonly input: Template;
  /** `if`; `undefined` means `success()`. */
  readonly condition: CompiledExpression | undefined;
  /** Its `if` mentions `failure()` or `always()`. */
  readonly runsAfterFailure: boolean;
  readonly needs: readonly number[];
  readonly dependents: readonly number[];
  /** Of an attempt: at a worker from its beginning, for an agent from the moment it is offered. */
  readonly timeoutMs: number | undefined;
  readonly heartbeatMs: number | undefined;
  readonly retry: RetryPolicy;
  readonly effect: EffectClass;
  /** Written at the step itself. */
  readonly priority: Priority | undefined;
  readonly outputContract: JsonSchemaValidator | undefined;
  /** The kind's schema over the evaluated `with`; [] means valid. */
  validateInput(value: Json): readonly Violation[];
}

export type PreparedInput =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly violations: readonly Violation[] };

/** A definition, checked and compiled: everything `decide` needs to know of it. Never changes. */
export interface Plan {
  readonly hash: string;
  readonly name: string;
  readonly definition: WorkflowDefinition;
  /** In the order of the definition. */
  readonly steps: readonly PlannedStep[];
  readonly indexOf: ReadonlyMap<string, number>;
  readonly onFailure: 'stop' | 'continue';
  /** Of steps that have none, in runs that have none. */
  readonly priority: Priority | undefined;
  readonly output: Template | undefined;
  /** Steps without needs. */
  readonly roots: readonly number[];
  /** Longest distance of each step from a root. */
  readonly levels: readonly number[];
  /** Defaults applied on a copy, then validated. Without an input schema any value is fine as it is. */
  prepareInput(input: Json): PreparedInput;
}

/** `undefined` for an id that the definition does not have. */
export function stepById(plan: Plan, id: string): PlannedStep | undefined {
  return plan.steps[plan.indexOf.get(id) ?? -1];
}

export type PlanResult =
  | { readonly ok: true; readonly plan: Plan }
  | { readonly ok: false; readonly errors: readonly DefinitionError[] };

/**
 * Compiles a definition of the right shape (see `parseDefinition`): order, references, expressions, schemas. Reports
 * every mistake with its place. Takes time linear in the definition's size. Third parties' step kinds are those that
 * the definition pins; `loadedKinds` are more names to suggest for a misspelt one.
 */
export function compilePlan(
  definition: WorkflowDefinition,
  hash: string,
  loadedKinds: readonly string[] = [],
): PlanResult {
  const errors = new ErrorList();
  const indexOf = indexSteps(definition.steps, errors);
  const needs = resolveNeeds(definition.steps, indexOf, errors);
  const graph = buildGraph(needs);
  if (!graph.ok) errors.add(cycleError(definition, graph.cycle));
  const inputSchema = compileSchemaAt(definition.input, 'input', errors);
  const { steps, output, references } = compileParts(
    definition,
    new KindTable(definition.kinds, loadedKinds, (error) => errors.add(error)),
    errors,
  );
  const levels = graph.ok ? graph.levels : undefined;
  checkReferences(references, { needs, indexOf, levels, errors });
  if (!errors.isEmpty || !graph.ok) return { ok: false, errors: errors.list() };

  steps.forEach((step, index) => {
    step.needs = needs[index] ?? [];
    step.dependents = dependentsOf(graph.dependents, index);
  });
  const plan: Plan = {
    hash,
    name: definition.name,
    definition,
    steps,
    indexOf,
    onFailure: definition.onFailure ?? 'stop',
    priority: definition.priority,
    output,
    roots: steps.filter((step) => step.needs.length === 0).map((step) => step.index),
    levels: Array.from(graph.levels),
    prepareInput: (input) => prepare(inputSchema, input),
  };
  return { ok: true, plan };
}

interface Parts {
  readonly steps: readonly CompiledStep[];
  readonly output: Template | undefined;
  readonly references: readonly Reference[];
}

function compileParts(definition: WorkflowDefinition, kinds: KindTable, errors: ErrorList): Parts {
  const references: Reference[] = [];
  const cache = new ExpressionCache();
  const contextOf = (from: number | undefined): TemplateContext => ({
    cache,
    onError: (error) => errors.add(error),
    onExpression: (path, { stepIds }) => {
      if (stepIds.size > 0) references.push({ path, from, stepIds });
    },
  });
  const steps = definition.steps.map((step, index) =>
    compileStep(step, index, { defaults: definition.defaults, kinds }, contextOf(index)),
  );
  const output =
    definition.output === undefined
      ? undefined
      : compileTemplate(definition.output, 'output', contextOf(undefined));
  return { steps, output, references };
}

function prepare(schema: SchemaValidator, input: Json): PreparedInput {
  if (schema === undefined) return { ok: true, value: input };
  const value = schema.withDefaults(input);
  const violations = schema.validate(value);
  return violations.length === 0 ? { ok: true, value } : { ok: false, violations };
}

function cycleError(definition: WorkflowDefinition, cycle: readonly number[]): DefinitionError {
  const ids = [...cycle, cycle[0] ?? 0].map((index) => definition.steps[index]?.id ?? '');
  return {
    path: `steps[${cycle[0] ?? 0}].needs`,
    message: `the steps wait for one another: ${ids.join(' needs ')}`,
  };
}
