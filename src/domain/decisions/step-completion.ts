import type { Decision } from '../decision.ts';
import type { Json } from '../json.ts';
import type { PlannedStep } from '../plan.ts';
import { failAttempt, failFinally, roomError, type Performer } from './step-failure.ts';

/** Records the output if it keeps the step's contract; else the attempt failed by `contract_violation`. */
export function completeAttempt(
  decision: Decision,
  step: PlannedStep,
  attempt: number,
  result: {
    readonly output: Json;
    readonly performer?: Performer;
    readonly consumedSignal?: string;
  },
): void {
  const { output, performer, consumedSignal } = result;
  const problem = decision.makeRoom(output);
  if (problem) return failFinally(decision, step, attempt, roomError(problem), performer);
  const violations = step.outputContract?.validate(output) ?? [];
  if (violations.length === 0)
    return decision.emit({
      type: 'StepCompleted',
      step: step.id,
      attempt,
      output,
      ...performer,
      ...(consumedSignal !== undefined && { consumedSignal }),
    });
  decision.emit({
    type: 'ContractViolated',
    step: step.id,
    attempt,
    violations: [...violations],
    ...(consumedSignal !== undefined && { consumedSignal }),
  });
  const message = violations
    .map((violation) => `${violation.path}: ${violation.message}`)
    .join('; ');
  const error = { code: 'contract_violation', message: `output breaks its schema: ${message}` };
  // The effect has happened; only its output is of no use. An unsafe one must not happen again.
  if (step.effect === 'unsafe') return failFinally(decision, step, attempt, error, performer);
  failAttempt(decision, step, attempt, { error, ...(performer && { performer }) });
}
