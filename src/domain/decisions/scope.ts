import type { Json } from '../json.ts';
import type { Decision } from '../decision.ts';
import type { PlannedStep } from '../plan.ts';
import type { Scope } from '../expression/scope.ts';

/** What the expressions of a step (or, without one, of the run's output) may read. */
export function scopeOf(decision: Decision, step?: PlannedStep): Scope {
  const { run, context } = decision;
  return {
    input: run.input,
    run: { id: run.runId, name: run.name, startedAt: new Date(run.startedAtMs).toISOString() },
    env: context.env,
    step: (id) => {
      const found = decision.find(id);
      if (found === undefined) return undefined;
      const { status, output, error, attempt } = found.record;
      return { status, output: output ?? null, error: (error ?? null) as Json, attempts: attempt }; // a StepError is plain JSON
    },
    ...needsOutcome(decision, step),
  };
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
