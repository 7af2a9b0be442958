import type { FireTimer } from '../commands.ts';
import type { Decision, FoundStep, Ruling } from '../decision.ts';
import { isAdvanceTimer, stepOfTimer, timerIdOf } from '../effects.ts';
import { advance } from './advance.ts';
import { completeAttempt } from './step-completion.ts';
import { failAttempt } from './step-failure.ts';

/**
 * A step has at most one timer; one that no longer applies is handled without an event. That it is due is
 * the store's word: a second look at this process's clock could lose a timer when that clock was set back.
 */
export function fireTimer(decision: Decision, command: FireTimer): Ruling {
  if (isAdvanceTimer(command.timerId)) return advance(decision);
  const found = decision.find(stepOfTimer(command.timerId));
  if (found === undefined || !isTimerOf(found, command.timerId)) return decision.accept();
  const { planned, record } = found;
  if (record.status === 'retrying')
    decision.emit({ type: 'StepReadied', step: planned.id, attempt: record.attempt });
  else if (record.status === 'waiting' && record.signal === undefined)
    completeAttempt(decision, planned, record.attempt, {
      output: { waitedUntil: new Date(record.dueAtMs ?? 0).toISOString() },
    });
  else if (record.status === 'waiting')
    failAttempt(decision, planned, record.attempt, {
      error: {
        code: 'signal_timeout',
        message: `no signal "${record.signal ?? ''}" came within the step's timeout`,
      },
    });
  return advance(decision);
}

function isTimerOf({ planned, record }: FoundStep, timerId: string): boolean {
  const purpose = record.status === 'retrying' ? 'retry' : 'wait';
  return timerIdOf(purpose, planned.id, record.attempt) === timerId;
}
