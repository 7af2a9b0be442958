import type { PlannedStep } from '../../domain/plan.ts';
import { isTerminal, type StepState } from '../../domain/state.ts';
import { approvalsOf, personTasksOf, type ApprovalView } from '../people/approval-view.ts';
import type { Reason, ReasonKind } from '../commands/reason.ts';
import type { RunSituation } from './run-situation.ts';
import { scheduledReason } from './scheduled-reason.ts';
import { isoTime } from './step-view.ts';
import { toolCall } from '../tool-call.ts';

/** Reasons that do not go away by waiting: somebody has to act. */
const NEEDS_SOMEBODY: ReadonlySet<ReasonKind> = new Set([
  'no_worker',
  'waiting_for_signal',
  'waiting_for_person',
  'outcome_unknown',
  'paused',
]);

export function needsSomebody(reason: Reason): boolean {
  return NEEDS_SOMEBODY.has(reason.kind);
}

/** Every open step with why it is open, those that need somebody first; steps that only wait for others last. */
export function reasonsOf(situation: RunSituation): readonly Reason[] {
  const { status } = situation.state.run;
  const reasons = situation.plan.steps
    .flatMap((step) => reasonOf(situation, step) ?? [])
    // What has not begun does not begin any more.
    .filter(({ kind }) => status !== 'cancelling' || (kind !== 'blocked' && kind !== 'ready'));
  const rank = (reason: Reason): number =>
    needsSomebody(reason) ? 0 : reason.kind === 'blocked' ? 2 : 1;
  return [...ofRun(situation), ...ofAsked(situation), ...reasons].sort((a, b) => rank(a) - rank(b));
}

/** Approvals that agents asked for in the course of the run. */
function ofAsked(situation: RunSituation): Reason[] {
  return approvalsOf(situation)
    .filter(({ approval_id, step_id, status }) => status === 'waiting' && approval_id !== step_id)
    .map((approval) => approvalReason(situation, approval));
}

function approvalReason({ key }: RunSituation, approval: ApprovalView): Reason {
  const { approval_id, step_id, question, approvers, asked_by, expires_at, choices } = approval;
  const who = approvers === undefined ? 'a person' : approvers.join(' or ');
  const asked = asked_by === undefined ? '' : ` (asked by ${asked_by})`;
  const until = expires_at === undefined ? '' : ` until ${expires_at}`;
  return {
    kind: 'waiting_for_person',
    ...(step_id !== undefined && { step: step_id }),
    message: `waits for ${who}${until}: "${question.slice(0, 300)}"${asked}; choices: ${choices.join(', ')}, or reject. No tool answers it: a person runs "baton approve ${key.runId} ${approval_id}".`,
  };
}

function personTaskReason(situation: RunSituation, step: PlannedStep): Reason {
  const task = personTasksOf(situation).find(({ step_id }) => step_id === step.id);
  const note = task?.note === undefined ? '' : `: "${task.note.slice(0, 300)}"`;
  return {
    kind: 'waiting_for_person',
    step: step.id,
    message: `was handed to ${task?.person ?? 'people'} by ${task?.from ?? ''}${note}. A person runs "baton report ${situation.key.runId} ${step.id}".`,
  };
}

function ofRun({ state: { run }, key }: RunSituation): Reason[] {
  const because = run.reason === undefined ? '' : ` (${run.reason})`;
  if (run.status === 'paused')
    return [
      {
        kind: 'paused',
        message: `The run is paused${because}: running steps finish, no others start.`,
        next: toolCall('resume_workflow', { run_id: key.runId }),
      },
    ];
  if (run.status === 'cancelling')
    return [
      {
        kind: 'cancelling',
        message: `The run is being cancelled${because}: ${run.stepsInFlight} step(s) still have to stop.`,
      },
    ];
  return [];
}

function reasonOf(situation: RunSituation, step: PlannedStep): Reason | undefined {
  const record = situation.state.steps.get(step.index);
  switch (record.status) {
    case 'scheduled':
      return scheduledReason(situation, step, record);
    case 'waiting':
      return waiting(situation, step, record);
    case 'retrying':
      if (record.postponed !== undefined) return targetDown(step, record, record.postponed);
      return {
        kind: 'retrying',
        step: step.id,
        message: `attempt ${record.attempt} of ${step.retry.maxAttempts} failed (${errorOf(record)}); the next starts at ${isoTime(record.dueAtMs ?? 0)}.`,
      };
    case 'unknown':
      return outcomeUnknown(situation, step, record);
    case 'ready':
      return { kind: 'ready', step: step.id, message: readyMessage(situation) };
    case 'pending':
      return {
        kind: 'blocked',
        step: step.id,
        message: `waits for ${openNeeds(situation, step)}.`,
      };
    default:
      return undefined;
  }
}

function targetDown(
  step: PlannedStep,
  { attempt, dueAtMs = 0 }: StepState,
  { target, sinceMs, reason, count }: NonNullable<StepState['postponed']>,
): Reason {
  const times = count > 1 ? ` (put off ${count} times)` : '';
  return {
    kind: 'target_down',
    step: step.id,
    message: `attempt ${attempt + 1} of ${step.retry.maxAttempts} waits for ${target}, which fails since ${isoTime(sinceMs)}: ${reason.slice(0, 300)}. It is tried again at ${isoTime(dueAtMs)}${times}; no attempt is used up by waiting.`,
  };
}

function waiting(situation: RunSituation, step: PlannedStep, record: StepState): Reason {
  const { key } = situation;
  if (record.handover?.to.kind === 'person') return personTaskReason(situation, step);
  const approval = approvalsOf(situation).find(({ approval_id }) => approval_id === step.id);
  if (approval !== undefined) return approvalReason(situation, approval);
  const due = record.dueAtMs === undefined ? '' : isoTime(record.dueAtMs);
  if (record.signal === undefined)
    return { kind: 'waiting_until', step: step.id, message: `waits until ${due}.` };
  return {
    kind: 'waiting_for_signal',
    step: step.id,
    message: `waits for the signal "${record.signal}"${due === '' ? '' : ` until ${due}`}.`,
    next: toolCall('signal_workflow', { run_id: key.runId, name: record.signal, payload: {} }),
  };
}

function outcomeUnknown({ key }: RunSituation, step: PlannedStep, record: StepState): Reason {
  return {
    kind: 'outcome_unknown',
    step: step.id,
    message: `attempt ${record.attempt} began its unsafe effect and nobody knows how it ended, so it is not run again by itself. Find out, then decide: resolution "completed" (payload = its output), "failed", or "retry".`,
    next: toolCall('signal_workflow', {
      run_id: key.runId,
      step_id: step.id,
      resolution: 'completed',
    }),
  };
}

function readyMessage({ state: { run } }: RunSituation): string {
  return run.status === 'paused'
    ? 'is ready and starts when the run is resumed.'
    : `is ready and starts when one of the run's ${run.stepsInFlight} steps in flight ends.`;
}

function openNeeds(situation: RunSituation, step: PlannedStep): string {
  const open = step.needs.filter((need) => !isTerminal(situation.state.steps.get(need).status));
  return open.map((need) => situation.plan.steps[need]?.id ?? '').join(', ');
}

function errorOf(record: StepState): string {
  return record.error === undefined
    ? 'no error recorded'
    : `${record.error.code}: ${record.error.message.slice(0, 300)}`;
}
