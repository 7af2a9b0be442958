import type { PostponeStep } from '../commands.ts';
import type { Decision, Ruling } from '../decision.ts';
import type { StepError } from '../events.ts';
import { MAX_POSTPONEMENTS } from '../limits.ts';
import { advance } from './advance.ts';
import { isHistoryFull } from './history-full.ts';
import { failAttempt, isRetryWanted } from './step-failure.ts';
import { currentAttempt, returnStep } from './step-report.ts';

/**
 * The same attempt follows when the time has come, for a bounded number of times: after that it has failed, and the step's
 * policy decides. A run that wants no further attempts is given the task back, as by ReturnStep.
 */
export function postponeStep(decision: Decision, command: PostponeStep): Ruling {
  const { step, attempt, target, sinceMs, reason, delayMs, heartbeat } = command;
  const current = currentAttempt(decision, command);
  if (current === undefined || current.record.begun === true)
    return returnStep(decision, { ...command, type: 'ReturnStep' });
  const { planned, record } = current;
  const count = (record.postponed?.count ?? 0) + 1;
  const isWanted = isRetryWanted(decision, planned);
  if (!isWanted && !isHistoryFull(decision))
    return returnStep(decision, { ...command, type: 'ReturnStep' });
  if (count > MAX_POSTPONEMENTS || !isWanted) {
    failAttempt(decision, planned, attempt, { error: circuitOpen(command), heartbeat });
    return advance(decision);
  }
  decision.emit({
    type: 'StepPostponed',
    ...{ step, attempt, target, sinceMs, reason, count },
    untilMs: decision.context.nowMs + delayMs,
    ...(heartbeat !== undefined && { heartbeat }),
  });
  return advance(decision);
}

function circuitOpen({ target, sinceMs, reason }: PostponeStep): StepError {
  const since = new Date(sinceMs).toISOString();
  return { code: 'circuit_open', message: `${target} has failed since ${since}: ${reason}` };
}
