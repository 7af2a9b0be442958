import { reject, type Decision, type FoundStep, type Ruling } from '../decision.ts';
import type { ApprovalAnswer, ApprovalAsk } from '../events.ts';
import { isFinished } from '../lifecycle.ts';

export interface OpenApproval {
  readonly approvalId: string;
  readonly ask: ApprovalAsk;
  readonly dueAtMs: number | undefined;
  /** Of an approval step. */
  readonly step?: FoundStep;
}

/** The approval that waits under this id, or why none does. */
export function findApproval(decision: Decision, approvalId: string): OpenApproval | Ruling {
  const { run } = decision;
  const asked = run.asked.find((one) => one.approvalId === approvalId);
  if (asked?.answer !== undefined) return answered(approvalId, asked.answer);
  const step = asked === undefined ? decision.find(approvalId) : undefined;
  if (step !== undefined && step.planned.uses !== 'approval') return unknown(approvalId);
  const ask = asked?.ask ?? step?.record.approval;
  const dueAtMs = asked?.dueAtMs ?? step?.record.dueAtMs;
  if ((ask !== undefined || isYetToCome(step)) && run.status === 'cancelling')
    return reject('cancelling', 'The run is being cancelled.', 'No answer is needed any more.');
  if (ask !== undefined && !isFinished(run.status))
    return { approvalId, ask, dueAtMs, ...(step && { step }) };
  if (step !== undefined) return notAsked(approvalId, step);
  if (asked === undefined) return unknown(approvalId);
  return reject(
    'already_finished',
    `The run is ${run.status}; nobody waits for approval "${approvalId}" any more.`,
    'Read the run with baton show.',
  );
}

function answered(approvalId: string, { resolution, choice, by }: ApprovalAnswer): Ruling {
  const next = 'Nothing is left to answer; ask anew if it is still wanted.';
  if (resolution === 'expired')
    return reject('approval_expired', `Approval "${approvalId}" has expired.`, next);
  const how = resolution === 'rejected' ? 'rejected' : `answered with "${choice ?? ''}"`;
  return reject(
    'approval_resolved',
    `Approval "${approvalId}" was ${how} by ${by ?? 'somebody'} already.`,
    next,
  );
}

function notAsked(approvalId: string, { record }: FoundStep): Ruling {
  const { error } = record;
  if (error?.code === 'approval_expired')
    return reject(
      'approval_expired',
      `Approval "${approvalId}" has expired: nobody answered in time, and the step failed.`,
      'Start a new run if it is still wanted.',
    );
  if (isYetToCome({ record }))
    return reject(
      'unknown_approval',
      `Approval "${approvalId}" is not asked yet: its step is ${record.status}.`,
      'Wait until the steps before it are done (baton explain says which).',
    );
  const why = error === undefined ? '' : ` (${error.message})`;
  return reject(
    'approval_resolved',
    `Approval "${approvalId}" waits for nobody: its step is ${record.status}${why}.`,
    'baton inbox lists what does wait.',
  );
}

function isYetToCome(step: Pick<FoundStep, 'record'> | undefined): boolean {
  return step?.record.status === 'pending' || step?.record.status === 'ready';
}

function unknown(approvalId: string): Ruling {
  return reject(
    'unknown_approval',
    `The run has no approval "${approvalId}".`,
    'baton inbox lists what waits for people.',
  );
}
