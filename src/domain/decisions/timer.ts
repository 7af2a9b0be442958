import type { FireTimer } from '../commands.ts';
import type { Decision, FoundStep, Ruling } from '../decision.ts';
import {
  approvalOfTimer,
  isAdvanceTimer,
  postponeTimerId,
  stepOfTimer,
  timerIdOf,
  type TimerPurpose,
} from '../effects.ts';
import type { PlannedStep } from '../plan.ts';
import type { StepState } from '../state.ts';
import { advance } from './advance.ts';
import { expireApproval } from './approval.ts';
import { completeAttempt } from './step-completion.ts';
import { failAttempt, timeoutError } from './step-failure.ts';

/**
 * A timer that no longer applies is handled without an event. That it is due is the store's word: a second look at
 * this process's clock could lose a timer when that clock was set back.
 */
export function fireTimer(decision: Decision, command: FireTimer): Ruling {
  if (isAdvanceTimer(command.timerId)) return advance(decision);
  const approvalId = approvalOfTimer(command.timerId);
  if (approvalId !== undefined) return expireApproval(decision, approvalId);
  const found = decision.find(stepOfTimer(command.timerId));
  if (found === undefined || !isTimerOf(found, command.timerId)) return decision.accept();
  const { planned, record } = found;
  if (record.approval !== undefined) return expireApproval(decision, planned.id);
  timeIsUp(decision, planned, { ...record, heartbeat: command.heartbeat ?? record.heartbeat });
  return advance(decision);
}

function timeIsUp(decision: Decision, planned: PlannedStep, record: StepState): void {
  const { attempt } = record;
  if (record.status === 'retrying')
    return decision.emit({ type: 'StepReadied', step: planned.id, attempt });
  if (purposeOf(record) === 'timeout') return endAgentAttempt(decision, planned, record);
  if (record.signal === undefined)
    return completeAttempt(decision, planned, attempt, {
      output: { waitedUntil: new Date(record.dueAtMs ?? 0).toISOString() },
    });
  failAttempt(decision, planned, attempt, {
    error: {
      code: 'signal_timeout',
      message: `no signal "${record.signal}" came within the step's timeout`,
    },
  });
}

/** The task may still be with an agent, whose report will be refused. */
function endAgentAttempt(decision: Decision, planned: PlannedStep, record: StepState): void {
  const { attempt, begun, heartbeat } = record;
  const error = timeoutError(planned);
  if (begun === true)
    return decision.emit({
      type: 'StepOutcomeUnknown',
      step: planned.id,
      attempt,
      reason: error.message,
    });
  failAttempt(decision, planned, attempt, { error, heartbeat });
}

function isTimerOf({ planned, record }: FoundStep, timerId: string): boolean {
  const { status, attempt, postponed } = record;
  if (status === 'retrying' && postponed !== undefined)
    return timerId === postponeTimerId(planned.id, attempt + 1, postponed.count);
  const purpose = purposeOf(record);
  return purpose !== undefined && timerIdOf(purpose, planned.id, record.attempt) === timerId;
}

/** What the step's one timer is for; `undefined` when it has none. */
function purposeOf({ status, handover, dueAtMs }: StepState): TimerPurpose | undefined {
  if (dueAtMs === undefined) return undefined;
  if (status === 'retrying') return 'retry';
  if (status === 'scheduled') return 'timeout';
  if (status !== 'waiting') return undefined;
  return handover === undefined ? 'wait' : 'timeout';
}
