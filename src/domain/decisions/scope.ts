import type { Json } from '../json.ts';
import type { Decision } from '../decision.ts';
import type { PlannedStep } from '../plan.ts';
import type { Scope, StepView } from '../expression/scope.ts';

/** What the expressions of a step (or, without one, of the run's output) may read. */
export function scopeOf(decision: Decision, step?: PlannedStep): Scope {
  return new DecisionScope(decision, step);
}

/** Made when it is asked for: most expressions read one place. */
class DecisionScope implements Scope {
  readonly #decision: Decision;
  readonly #step: PlannedStep | undefined;

  constructor(decision: Decision, step: PlannedStep | undefined) {
    this.#decision = decision;
    this.#step = step;
  }

  get input(): Json {
    return this.#decision.run.input;
  }

  get run(): Scope['run'] {
    const { runId, name, startedAtMs } = this.#decision.run;
    return { id: runId, name, startedAt: new Date(startedAtMs).toISOString() };
  }

  get env(): Scope['env'] {
    return this.#decision.context.env;
  }

  get succeeded(): boolean {
    return needsOutcome(this.#decision, this.#step).succeeded;
  }

  get failed(): boolean {
    return needsOutcome(this.#decision, this.#step).failed;
  }

  step(id: string): StepView | undefined {
    const found = this.#decision.find(id);
    if (found === undefined) return undefined;
    const { status, output, error, attempt } = found.record;
    return { status, output: output ?? null, error: (error ?? null) as Json, attempts: attempt }; // a StepError is plain JSON
  }
}

/** `success()`: every need completed or was skipped by its own `if`. `failure()`: a need failed, or was skipped for one that did. */
export function needsOutcome(
  decision: Decision,
  step?: PlannedStep,
): { succeeded: boolean; failed: boolean } {
  const outcome = { succeeded: true, failed: false };
  for (const need of step?.needs ?? []) {
    const { status, skipReason } = decision.step(need);
    const isFine = status === 'completed' || (status === 'skipped' && skipReason === 'condition');
    if (isFine) continue;
    outcome.succeeded = false;
    if (status === 'failed' || status === 'skipped') outcome.failed = true;
  }
  return outcome;
}
