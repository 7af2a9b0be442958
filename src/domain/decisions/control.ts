import type { CancelWorkflow, PauseWorkflow, ResumeWorkflow } from '../commands.ts';
import { reject, type Decision, type Ruling } from '../decision.ts';
import { HISTORY_RESERVE_EVENTS, MAX_HISTORY_EVENTS } from '../limits.ts';
import { advance } from './advance.ts';
import { cancelWaitingSteps } from './step-failure.ts';

/** New steps stop; running ones finish. Asking twice changes nothing. */
export function pauseWorkflow(decision: Decision, command: PauseWorkflow): Ruling {
  const { status, version } = decision.run;
  if (status === 'cancelling') return beingCancelled();
  if (status === 'paused') return decision.accept();
  if (version >= MAX_HISTORY_EVENTS - HISTORY_RESERVE_EVENTS)
    return reject(
      'history_limit',
      `The run's history is full (${version} events).`,
      'Cancel it instead.',
    );
  decision.emit({ type: 'WorkflowPaused', ...reasonOf(command) });
  return decision.accept();
}

export function resumeWorkflow(decision: Decision, command: ResumeWorkflow): Ruling {
  const { status } = decision.run;
  if (status === 'cancelling') return beingCancelled();
  if (status === 'running') return decision.accept();
  decision.emit({ type: 'WorkflowResumed', ...reasonOf(command) });
  return advance(decision);
}

/** Held steps are asked to stop, everything else is dropped; the run ends when the last held step reports. */
export function cancelWorkflow(decision: Decision, command: CancelWorkflow): Ruling {
  if (decision.run.status === 'cancelling') return decision.accept();
  decision.emit({ type: 'CancellationRequested', ...reasonOf(command) });
  cancelWaitingSteps(decision, () => true);
  cancelAgentSteps(decision);
  return advance(decision);
}

/** An agent cannot be stopped, only told when it next asks: the run does not wait for that. */
function cancelAgentSteps(decision: Decision): void {
  for (const { id, index, performer } of decision.plan.steps) {
    const { status, attempt, begun } = decision.step(index);
    if (performer !== 'agent' || status !== 'scheduled') continue;
    if (begun === true)
      decision.emit({
        type: 'StepOutcomeUnknown',
        step: id,
        attempt,
        reason: 'cancelled while an agent had it',
      });
    else decision.emit({ type: 'StepsCancelled', steps: [{ step: id, attempt }] });
  }
}

function reasonOf({ reason }: { readonly reason?: string }): { reason?: string } {
  return reason === undefined ? {} : { reason };
}

function beingCancelled(): Ruling {
  return reject(
    'cancelling',
    'The run is being cancelled.',
    'Wait for its end with await_workflow.',
  );
}
