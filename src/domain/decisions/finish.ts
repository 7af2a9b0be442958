import type { Decision } from '../decision.ts';
import type { StepError } from '../events.ts';
import { scopeOf } from './scope.ts';
import { roomError } from './step-failure.ts';

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
  // A run that holds as much as it may ends all the same.
  const isTooDeep = output.ok && decision.makeRoom(output.value) === 'nested_too_deeply';
  if (output.ok && !isTooDeep)
    return decision.emit({ type: 'WorkflowCompleted', output: output.value });
  const reason = output.ok ? roomError('nested_too_deeply').message : output.error;
  decision.emit({
    type: 'WorkflowFailed',
    error: { code: 'output_error', message: `output: ${reason}` },
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
