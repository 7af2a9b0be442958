import type { ResolveStep } from '../commands.ts';
import { reject, type Decision, type Ruling } from '../decision.ts';
import { advance } from './advance.ts';
import { completeAttempt } from './step-completion.ts';
import { failFinally } from './step-failure.ts';

/** The decision that an unsafe step with an unknown outcome waits for. */
export function resolveStep(decision: Decision, command: ResolveStep): Ruling {
  const found = decision.find(command.step);
  if (found === undefined)
    return reject(
      'unknown_step',
      `The workflow has no step "${command.step}".`,
      'get_workflow lists its steps.',
    );
  const { planned, record } = found;
  if (record.status !== 'unknown')
    return reject(
      'step_not_waiting_for_decision',
      `Step "${command.step}" is ${record.status}; only a step whose outcome is unknown can be resolved.`,
      'explain_workflow says what the run waits for.',
    );
  const { attempt } = record;
  const output = command.output ?? null;
  // As a report it would be retried by the step's policy; an effect that was declared done must not run again.
  const violations = planned.outputContract?.validate(output) ?? [];
  if (command.resolution === 'completed' && violations.length > 0)
    return reject(
      'invalid_input',
      `The output does not fit the schema of step "${command.step}".`,
      'Give an output that fits, or resolve the step as failed.',
      violations,
    );
  if (command.resolution === 'retry')
    decision.emit({ type: 'StepReadied', step: command.step, attempt });
  else if (command.resolution === 'completed')
    completeAttempt(decision, planned, attempt, { output });
  else
    failFinally(decision, planned, attempt, {
      code: 'resolved_failed',
      message: command.reason ?? 'declared failed after its outcome was unknown',
    });
  return advance(decision);
}
