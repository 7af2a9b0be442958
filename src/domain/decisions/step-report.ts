import type {
  CompleteStep,
  FailStep,
  ReportCancelled,
  ReportUnknownOutcome,
  ReturnStep,
  StartStep,
} from '../commands.ts';
import { reject, type Decision, type FoundStep, type Ruling } from '../decision.ts';
import { advance } from './advance.ts';
import { staleAttempt } from './stale-attempt.ts';
import { completeAttempt } from './step-completion.ts';
import { failAttempt } from './step-failure.ts';

interface Attempt {
  readonly step: string;
  readonly attempt: number;
}

export function startStep(decision: Decision, command: StartStep): Ruling {
  const current = currentAttempt(decision, command);
  if (current === undefined) return staleAttempt(command);
  if (current.record.begun === true)
    return reject(
      'outcome_unknown',
      `Step "${command.step}" was begun before and its outcome is unknown.`,
      'Report the unknown outcome; do not run it again.',
    );
  const { step, attempt, worker, startedAtMs } = command;
  decision.emit({ type: 'StepStarted', step, attempt, worker, startedAtMs });
  return decision.accept();
}

export function completeStep(decision: Decision, command: CompleteStep): Ruling {
  const current = currentAttempt(decision, command);
  if (current === undefined) return staleAttempt(command);
  completeAttempt(decision, current.planned, command.attempt, {
    output: command.output,
    performer: { worker: command.worker, startedAtMs: command.startedAtMs },
  });
  return advance(decision);
}

export function failStep(decision: Decision, command: FailStep): Ruling {
  const current = currentAttempt(decision, command);
  if (current === undefined) return staleAttempt(command);
  failAttempt(decision, current.planned, command.attempt, {
    error: command.error,
    performer: { worker: command.worker, startedAtMs: command.startedAtMs },
    heartbeat: command.heartbeat,
  });
  return advance(decision);
}

/** Accepted for a stale task too, without an event: that is how a task that nobody wants goes away. */
export function returnStep(decision: Decision, command: ReturnStep): Ruling {
  const { step, attempt, heartbeat } = command;
  const current = currentAttempt(decision, command);
  if (current?.record.begun === true)
    decision.emit({
      type: 'StepOutcomeUnknown',
      step,
      attempt,
      reason: 'given back after it was begun',
    });
  else if (current !== undefined)
    decision.emit({
      type: 'StepReadied',
      step,
      attempt: attempt - 1,
      ...(heartbeat !== undefined && { heartbeat }),
    });
  return advance(decision);
}

export function reportUnknownOutcome(decision: Decision, command: ReportUnknownOutcome): Ruling {
  if (currentAttempt(decision, command) === undefined) return staleAttempt(command);
  const { step, attempt, reason } = command;
  decision.emit({ type: 'StepOutcomeUnknown', step, attempt, reason });
  return advance(decision);
}

/**
 * Outside a cancellation a recalled task is simply no longer wanted. An unsafe effect that was begun may have happened:
 * the history says so before the run ends.
 */
export function reportCancelled(decision: Decision, command: ReportCancelled): Ruling {
  const current = currentAttempt(decision, command);
  if (current === undefined || decision.run.status !== 'cancelling') return advance(decision);
  const { step, attempt } = command;
  if (current.record.begun === true)
    decision.emit({
      type: 'StepOutcomeUnknown',
      step,
      attempt,
      reason: 'cancelled while its effect was under way',
    });
  else decision.emit({ type: 'StepsCancelled', steps: [{ step, attempt }] });
  return advance(decision);
}

export function currentAttempt(
  decision: Decision,
  { step, attempt }: Attempt,
): FoundStep | undefined {
  const found = decision.find(step);
  const isCurrent = found?.record.status === 'scheduled' && found.record.attempt === attempt;
  return isCurrent ? found : undefined;
}
