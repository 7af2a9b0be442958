import { compileCondition } from '../expression/condition.ts';
import type { DefinitionError, Violation } from './definition-error.ts';
import { durationMs } from './duration.ts';
import type { Json } from '../json.ts';
import { checkInput, checkWrittenInput } from './plan-input.ts';
import { compileSchemaAt } from './plan-schema.ts';
import type { PlannedStep } from '../plan.ts';
import type { RetryPolicy } from '../retry-policy.ts';
import { withNearest } from './shape-errors.ts';
import {
  isStepKindName,
  LATER_STEP_KINDS,
  STEP_KIND_NAMES,
  STEP_KINDS,
  type KindSetting,
  type StepKind,
} from './step-kinds.ts';
import { compileTemplate, type TemplateContext } from '../expression/template.ts';
import type { RetryDefinition, StepDefinition, WorkflowDefinition } from './workflow-definition.ts';

const SETTINGS: readonly KindSetting[] = ['timeout', 'heartbeat', 'retry', 'effect'];

/** Compiles one step; mistakes go to `context.onError`. */
export function compileStep(
  step: StepDefinition,
  index: number,
  defaults: WorkflowDefinition['defaults'],
  context: TemplateContext,
): CompiledStep {
  const path = `steps[${index}]`;
  const kind = kindOf(step.uses, path, context);
  const written = step.with ?? (kind.isInputRequired ? undefined : {});
  const input = compileTemplate(written ?? {}, `${path}.with`, context);
  if (isStepKindName(step.uses)) {
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
    outputContract: compileSchemaAt(step.outputSchema, `${path}.outputSchema`, {
      add: context.onError,
    }),
  });
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
  readonly queue: string | undefined;
  readonly input: PlannedStep['input'];
  readonly condition: PlannedStep['condition'];
  readonly runsAfterFailure: boolean;
  readonly timeoutMs: number | undefined;
  readonly heartbeatMs: number | undefined;
  readonly retry: RetryPolicy;
  readonly effect: PlannedStep['effect'];
  readonly outputContract: PlannedStep['outputContract'];
  // Set once by the plan, as soon as the graph is known.
  needs: readonly number[] = [];
  dependents: readonly number[] = [];

  constructor(step: StepDefinition, index: number, kind: StepKind, parts: CompiledParts) {
    this.index = index;
    this.id = step.id;
    this.uses = step.uses;
    this.queue = parts.queue;
    this.input = parts.input;
    this.condition = parts.condition;
    this.runsAfterFailure = parts.condition?.readsFailure ?? false;
    this.timeoutMs = parts.timeoutMs;
    this.heartbeatMs = step.heartbeat === undefined ? undefined : durationMs(step.heartbeat);
    this.retry = parts.retry;
    this.effect = step.effect ?? kind.effect;
    this.outputContract = parts.outputContract;
  }

  validateInput(value: Json): readonly Violation[] {
    return checkInput(STEP_KINDS[this.uses], value);
  }
}

// After an unknown kind the rest of the step is still checked, as a kind that takes anything.
function kindOf(uses: string, path: string, context: TemplateContext): StepKind {
  if (isStepKindName(uses)) return STEP_KINDS[uses];
  const place = `${path}.uses`;
  context.onError(
    LATER_STEP_KINDS.includes(uses)
      ? { path: place, message: `the step kind "${uses}" is not available in this version` }
      : withNearest({ path: place, message: `no step kind "${uses}"` }, uses, STEP_KIND_NAMES),
  );
  return STEP_KINDS.transform;
}

function checkSettings(
  step: StepDefinition,
  kind: StepKind,
  path: string,
  onError: (error: DefinitionError) => void,
): void {
  for (const key of SETTINGS) {
    if (step[key] === undefined || kind.settings.includes(key)) continue;
    onError({
      path: `${path}.${key}`,
      message: `has no meaning for a step that uses ${step.uses}`,
    });
  }
}

// Defaults of the definition are meant for work: a wait is as long as it says, and a `fail` is not to be retried.
function timeoutOf(
  step: StepDefinition,
  kind: StepKind,
  defaults: WorkflowDefinition['defaults'],
): number | undefined {
  const written = step.timeout ?? (kind.queueOf === undefined ? undefined : defaults?.timeout);
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

function applyRetry(policy: RetryPolicy, written: RetryDefinition | undefined): RetryPolicy {
  if (written === undefined) return policy;
  const { initialDelay, maxDelay } = written;
  return {
    maxAttempts: written.maxAttempts ?? policy.maxAttempts,
    initialDelayMs: initialDelay === undefined ? policy.initialDelayMs : durationMs(initialDelay),
    factor: written.factor ?? policy.factor,
    maxDelayMs: maxDelay === undefined ? policy.maxDelayMs : durationMs(maxDelay),
    jitter: written.jitter ?? policy.jitter,
    nonRetryable: written.nonRetryable ?? policy.nonRetryable,
  };
}
