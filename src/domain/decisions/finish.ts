import type { Decision } from '../decision.ts';
import type { StepError } from '../events.ts';
import { scopeOf } from './scope.ts';

/** Writes the run's one terminal event when nothing is left to run. */
export function finishIfDone(decision: Decision): void {
  const { run } = decision;
  if (run.status === 'cancelling') {
    if (run.stepsInFlight === 0) decision.emit({ type: 'WorkflowCancelled' });
    return;
  }
  if (run.openSteps > 0) return;
  if (run.failedSteps > 0)
    return decision.emit({ type: 'WorkflowFailed', error: failureOf(decision) });
  const output = decision.plan.output?.evaluate(scopeOf(decision)) ?? { ok: true, value: null };
  if (output.ok) return decision.emit({ type: 'WorkflowCompleted', output: output.value });
  decision.emit({
    type: 'WorkflowFailed',
    error: { code: 'output_error', message: `output: ${output.error}` },
  });
}

function failureOf(decision: Decision): StepError {
  const { firstFailure = '', failedSteps } = decision.run;
  const error = decision.find(firstFailure)?.record.error;
  const others = failedSteps > 1 ? ` (and ${failedSteps - 1} more)` : '';
  return {
    code: 'step_failed',
    message: `step "${firstFailure}" failed${others}: ${error?.message ?? 'unknown error'}`,
    details: { step: firstFailure, code: error?.code ?? 'unknown' },
  };
}
