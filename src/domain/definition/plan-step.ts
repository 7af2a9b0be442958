import { applyRetry } from './apply-retry.ts';
import { compileCondition } from '../expression/condition.ts';
import type { DefinitionError, Violation } from './definition-error.ts';
import { durationMs } from './duration.ts';
import type { Json } from '../json.ts';
import { checkInput, checkWrittenInput } from './plan-input.ts';
import { compileSchemaAt } from './plan-schema.ts';
import type { PlannedStep } from '../plan.ts';
import type { RetryPolicy } from '../retry-policy.ts';
import type { KindSetting, StepKind } from './step-kind.ts';
import type { KindTable } from './kind-table.ts';
import { STEP_KINDS } from './step-kinds.ts';
import { compileTemplate, type TemplateContext } from '../expression/template.ts';
import type { StepDefinition, WorkflowDefinition } from './workflow-definition.ts';

const SETTINGS: readonly KindSetting[] = ['timeout', 'heartbeat', 'retry', 'effect'];

/** Compiles one step; mistakes go to `context.onError`. */
export function compileStep(
  step: StepDefinition,
  index: number,
  shared: { readonly defaults: WorkflowDefinition['defaults']; readonly kinds: KindTable },
  context: TemplateContext,
): CompiledStep {
  const { defaults, kinds } = shared;
  const path = `steps[${index}]`;
  const known = kinds.find(step.uses);
  if (known === undefined) context.onError(kinds.problem(step.uses, `${path}.uses`));
  // After an unknown kind the rest of the step is still checked, as a kind that takes anything.
  const kind = known ?? STEP_KINDS.transform;
  const written = step.with ?? (kind.isInputRequired ? undefined : {});
  const input = compileTemplate(written ?? {}, `${path}.with`, context);
  if (known !== undefined) {
    checkSettings(step, kind, path, context.onError);
    checkWrittenInput(kind, written, input, `${path}.with`, context.onError);
  }
  const condition =
    step.if === undefined ? undefined : compileCondition(step.if, `${path}.if`, context);
  return new CompiledStep(step, index, kind, {
    queue: kind.queueOf?.(written ?? {}),
    input,
    condition,
    timeoutMs: timeoutOf(step, kind, defaults),
    retry: retryOf(step, kind, defaults),
    outputContract: compileContract(step, kind, path, context.onError),
  });
}

/** The schema of the output, wherever the kind has it written. */
function compileContract(
  step: StepDefinition,
  kind: StepKind,
  path: string,
  onError: TemplateContext['onError'],
): PlannedStep['outputContract'] {
  const inWith = kind.outputSchemaOf?.(step.with ?? {});
  if (inWith !== undefined && step.outputSchema !== undefined)
    onError({ path: `${path}.outputSchema`, message: 'is written in with.output already' });
  if (inWith !== undefined) return compileSchemaAt(inWith, `${path}.with.output`, { add: onError });
  return step.outputSchema === undefined
    ? kind.outputContract
    : compileSchemaAt(step.outputSchema, `${path}.outputSchema`, { add: onError });
}

type CompiledParts = Pick<
  PlannedStep,
  'queue' | 'input' | 'condition' | 'timeoutMs' | 'retry' | 'outputContract'
>;

// A class, so that a plan of many thousand steps has one shape and one copy of each function.
export class CompiledStep implements PlannedStep {
  readonly index: number;
  readonly id: string;
  readonly uses: PlannedStep['uses'];
  readonly performer: PlannedStep['performer'];
  readonly queue: string | undefined;
  readonly input: PlannedStep['input'];
  readonly condition: PlannedStep['condition'];
  readonly runsAfterFailure: boolean;
  readonly timeoutMs: number | undefined;
  readonly heartbeatMs: number | undefined;
  readonly retry: RetryPolicy;
  readonly effect: PlannedStep['effect'];
  readonly priority: PlannedStep['priority'];
  readonly outputContract: PlannedStep['outputContract'];
  // Set once by the plan, as soon as the graph is known.
  needs: readonly number[] = [];
  dependents: readonly number[] = [];
  readonly #kind: StepKind;

  constructor(step: StepDefinition, index: number, kind: StepKind, parts: CompiledParts) {
    this.#kind = kind;
    this.index = index;
    this.id = step.id;
    this.uses = step.uses;
    this.performer = kind.performer;
    this.queue = parts.queue;
    this.input = parts.input;
    this.condition = parts.condition;
    this.runsAfterFailure = parts.condition?.readsFailure ?? false;
    this.timeoutMs = parts.timeoutMs;
    this.heartbeatMs = step.heartbeat === undefined ? kind.heartbeatMs : durationMs(step.heartbeat);
    this.retry = parts.retry;
    this.effect = step.effect ?? kind.effect;
    this.priority = step.priority;
    this.outputContract = parts.outputContract;
  }

  validateInput(value: Json): readonly Violation[] {
    return checkInput(this.#kind, value);
  }
}

function checkSettings(
  step: StepDefinition,
  kind: StepKind,
  path: string,
  onError: (error: DefinitionError) => void,
): void {
  const refuse = (key: KindSetting | 'priority'): void =>
    onError({
      path: `${path}.${key}`,
      message: `has no meaning for a step that uses ${step.uses}`,
    });
  for (const key of SETTINGS)
    if (step[key] !== undefined && !kind.settings.includes(key)) refuse(key);
  // What the engine runs itself waits in no queue.
  if (step.priority !== undefined && kind.queueOf === undefined) refuse('priority');
}

// Defaults of the definition are meant for work: a wait is as long as it says, and a `fail` is not to be retried. A
// time limit for programs is none for agents, whose time counts from the offer and holds their wait for one.
function timeoutOf(
  step: StepDefinition,
  kind: StepKind,
  defaults: WorkflowDefinition['defaults'],
): number | undefined {
  const written = step.timeout ?? (kind.performer === 'worker' ? defaults?.timeout : undefined);
  return written === undefined ? kind.timeoutMs : durationMs(written);
}

function retryOf(
  step: StepDefinition,
  kind: StepKind,
  defaults: WorkflowDefinition['defaults'],
): RetryPolicy {
  const general = kind.queueOf === undefined ? undefined : defaults?.retry;
  if (step.retry === undefined && general === undefined) return kind.retry;
  const withDefaults = applyRetry(kind.retry, general);
  return applyRetry(withDefaults, step.retry);
}
