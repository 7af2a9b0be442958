import { assertNever } from './assert-never.ts';
import type { Command } from './commands.ts';
import { Decision, reject, type DecisionContext, type Ruling } from './decision.ts';
import { cancelWorkflow, pauseWorkflow, resumeWorkflow } from './decisions/control.ts';
import { requestApproval, resolveApproval } from './decisions/approval.ts';
import { createCheckpoint } from './decisions/checkpoint.ts';
import { answerTask, handOverTask } from './decisions/handover.ts';
import { postponeStep } from './decisions/postponement.ts';
import { resolveStep } from './decisions/resolve-step.ts';
import { signalWorkflow } from './decisions/signal.ts';
import { startWorkflow } from './decisions/start.ts';
import {
  completeStep,
  failStep,
  reportCancelled,
  reportUnknownOutcome,
  returnStep,
  startStep,
} from './decisions/step-report.ts';
import { fireTimer } from './decisions/timer.ts';
import { isFinished } from './lifecycle.ts';
import type { Plan } from './plan.ts';
import { isReadable } from './readable-value.ts';
import type { RunState } from './state.ts';

/**
 * Answers the events that a command brings about, or why it is refused. Pure: `state` is not changed, and the
 * same arguments give the same answer. No event and no rejection means: nothing to do (a timer that came
 * too late, a task that is no longer wanted), and the command counts as handled.
 */
export function decide(
  plan: Plan,
  state: RunState,
  sent: Command,
  context: DecisionContext,
): Ruling {
  const command = withoutUnreadable(sent);
  if (command.type !== 'StartWorkflow' && state.run.status === 'pending')
    return reject('not_started', 'The run has not started.', 'Start it with start_workflow.');
  const decision = new Decision(plan, state, context);
  switch (command.type) {
    case 'StartWorkflow':
      return startWorkflow(decision, command);
    case 'StartStep':
      return startStep(decision, command);
    case 'CompleteStep':
      return completeStep(decision, command);
    case 'FailStep':
      return failStep(decision, command);
    case 'ReturnStep':
      return returnStep(decision, command);
    case 'PostponeStep':
      return postponeStep(decision, command);
    case 'ReportUnknownOutcome':
      return reportUnknownOutcome(decision, command);
    case 'ReportCancelled':
      return reportCancelled(decision, command);
    case 'FireTimer':
      return fireTimer(decision, command);
    case 'SignalWorkflow':
      return unlessFinished(decision, () => signalWorkflow(decision, command));
    case 'ResolveStep':
      return unlessFinished(decision, () => resolveStep(decision, command));
    case 'RequestApproval':
      return unlessFinished(decision, () => requestApproval(decision, command));
    case 'ResolveApproval':
      return resolveApproval(decision, command);
    case 'HandOverTask':
      return handOverTask(decision, command);
    case 'AnswerTask':
      return unlessFinished(decision, () => answerTask(decision, command));
    case 'CreateCheckpoint':
      return unlessFinished(decision, () => createCheckpoint(decision, command));
    case 'PauseWorkflow':
      return unlessFinished(decision, () => pauseWorkflow(decision, command));
    case 'ResumeWorkflow':
      return unlessFinished(decision, () => resumeWorkflow(decision, command));
    case 'CancelWorkflow':
      return unlessFinished(decision, () => cancelWorkflow(decision, command));
    default:
      return assertNever(command);
  }
}

/**
 * What only comes along, a heartbeat or the details of an error, is left out where a history could not be read with it: a
 * failure must be recorded all the same. What a command is about refuses it, or fails its step: see Decision.makeRoom.
 */
function withoutUnreadable(command: Command): Command {
  if (command.type === 'FailStep' && !isReadable(command.error.details ?? null)) {
    const error = { ...command.error, details: undefined };
    return withoutUnreadable({ ...command, error });
  }
  if (!('heartbeat' in command) || isReadable(command.heartbeat ?? null)) return command;
  return { ...command, heartbeat: undefined };
}

function unlessFinished(decision: Decision, proceed: () => Ruling): Ruling {
  const { status } = decision.run;
  if (!isFinished(status)) return proceed();
  return reject(
    'already_finished',
    `The run is already ${status}.`,
    'Read its result with get_workflow, or start a new run.',
  );
}
