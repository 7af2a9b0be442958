import type { RequestApproval, ResolveApproval } from '../commands.ts';
import { reject, type Decision, type Ruling } from '../decision.ts';
import type { ApprovalAnswer, ApprovalAsk } from '../events.ts';
import type { Json } from '../json.ts';
import { MAX_ASKED_APPROVALS } from '../limits.ts';
import { advance } from './advance.ts';
import { findApproval, type OpenApproval } from './find-approval.ts';
import { refuseIfHistoryFull } from './history-full.ts';
import { completeAttempt } from './step-completion.ts';
import { failAttempt } from './step-failure.ts';

/** An agent asks; its task goes on meanwhile. */
export function requestApproval(decision: Decision, command: RequestApproval): Ruling {
  const { run, context } = decision;
  const { approvalId, step, ask, by, expiresMs } = command;
  if (run.status === 'cancelling')
    return reject('cancelling', 'The run is being cancelled.', 'Stop the work on it.');
  if (step !== undefined && decision.find(step) === undefined)
    return reject(
      'unknown_step',
      `The run has no step "${step}".`,
      'get_workflow lists its steps.',
    );
  const full = refuseIfHistoryFull(decision, 'Go on without, or report the task as failed.');
  if (full) return full;
  if (run.asked.some((one) => one.approvalId === approvalId))
    return reject(
      'already_exists',
      `Approval "${approvalId}" was asked for before.`,
      'Wait for its answer.',
    );
  if (run.asked.length >= MAX_ASKED_APPROVALS)
    return reject(
      'too_many_approvals',
      `${run.asked.length} approvals were asked for in this run; ${MAX_ASKED_APPROVALS} is the most.`,
      'Go on without, or report the task as failed with the reason.',
    );
  decision.emit({
    type: 'ApprovalRequested',
    approvalId,
    ask,
    by,
    ...(step !== undefined && { step }),
    ...(expiresMs !== undefined && { dueAtMs: context.nowMs + expiresMs }),
  });
  return decision.accept();
}

/** A rejected or expired approval step has failed; one that was answered by a choice has that as its output. */
export function resolveApproval(decision: Decision, command: ResolveApproval): Ruling {
  const found = findApproval(decision, command.approvalId);
  if ('kind' in found) return found;
  const { approvers } = found.ask;
  // Its timer has not fired yet: no process was there, or it is about to.
  if (found.dueAtMs !== undefined && decision.context.nowMs >= found.dueAtMs)
    return reject(
      'approval_expired',
      `Approval "${command.approvalId}" has expired: its time was up at ${new Date(found.dueAtMs).toISOString()}.`,
      'Ask anew if it is still wanted.',
    );
  if (approvers !== undefined && !approvers.includes(command.by))
    return reject(
      'not_an_approver',
      `"${command.by}" may not answer approval "${command.approvalId}"; these may: ${approvers.join(', ')}.`,
      'One of them has to answer.',
    );
  const { resolution, by, via, comment } = command;
  const more = { by, via, ...(comment !== undefined && { comment }) };
  if (resolution === 'rejected') return settle(decision, found, { resolution, ...more });
  const choice = command.choice ?? onlyChoice(found.ask);
  if (choice === undefined || !found.ask.choices.includes(choice))
    return reject(
      'unknown_choice',
      choice === undefined
        ? `Approval "${command.approvalId}" has several choices; none was named.`
        : `Approval "${command.approvalId}" has no choice "${choice}".`,
      `Choose one of: ${found.ask.choices.join(', ')}; or reject it.`,
    );
  return settle(decision, found, { resolution, choice, ...more });
}

/** Its time is up. */
export function expireApproval(decision: Decision, approvalId: string): Ruling {
  const found = findApproval(decision, approvalId);
  if ('kind' in found) return decision.accept();
  return settle(decision, found, { resolution: 'expired' });
}

function settle(decision: Decision, approval: OpenApproval, answer: ApprovalAnswer): Ruling {
  const { approvalId, step } = approval;
  if (step === undefined) {
    decision.emit({ type: 'ApprovalResolved', approvalId, ...answer });
    return decision.accept();
  }
  const { attempt } = step.record;
  decision.emit({ type: 'ApprovalResolved', approvalId, attempt, ...answer });
  if (answer.resolution === 'chosen')
    completeAttempt(decision, step.planned, attempt, { output: outputOf(decision, answer) });
  else failAttempt(decision, step.planned, attempt, { error: errorOf(answer) });
  return advance(decision);
}

function outputOf(decision: Decision, { choice, by, comment }: ApprovalAnswer): Json {
  const at = new Date(decision.context.nowMs).toISOString();
  return { choice: choice ?? '', by: by ?? '', at, ...(comment !== undefined && { comment }) };
}

function errorOf({ resolution, by, comment }: ApprovalAnswer) {
  if (resolution === 'expired')
    return { code: 'approval_expired', message: 'nobody answered in time', permanent: true };
  const because = comment === undefined ? '' : `: ${comment}`;
  return {
    code: 'rejected',
    message: `rejected by ${by ?? 'somebody'}${because}`,
    permanent: true,
  };
}

function onlyChoice({ choices }: ApprovalAsk): string | undefined {
  return choices.length === 1 ? choices[0] : undefined;
}
