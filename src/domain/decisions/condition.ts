import type { Decision } from '../decision.ts';
import type { PlannedStep } from '../plan.ts';
import { isStopping } from './step-failure.ts';
import { needsOutcome, scopeOf } from './scope.ts';

export type Verdict = 'run' | 'condition' | 'upstream' | 'stopped' | { readonly error: string };

/** Whether a step whose needs are all terminal runs, or why it is skipped. */
export function conditionOf(decision: Decision, step: PlannedStep): Verdict {
  if (!step.runsAfterFailure) {
    if (!needsOutcome(decision, step).succeeded) return 'upstream';
    if (isStopping(decision)) return 'stopped';
  }
  if (step.condition === undefined) return 'run';
  const holds = step.condition.evaluate(scopeOf(decision, step));
  if (!holds.ok) return { error: `if: ${holds.error}` };
  return holds.value === true ? 'run' : 'condition';
}
