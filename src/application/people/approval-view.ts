import type { ApprovalAsk } from '../../domain/events.ts';
import { isFinished } from '../../domain/lifecycle.ts';
import type { PlannedStep } from '../../domain/plan.ts';
import { awaitsPerson, type AskedApproval, type StepState } from '../../domain/state.ts';
import { isJsonObject, type Json } from '../../domain/json.ts';
import { taskInput } from '../engine/task-input.ts';
import type { RunSituation } from '../runs/run-situation.ts';
import { isoTime } from '../runs/step-view.ts';

export interface ApprovalView {
  /** The step's id, or `ask:<n>` for one that an agent asked for. */
  readonly approval_id: string;
  /** `withdrawn`: the run ended, or is being cancelled, before anybody answered. */
  readonly status: 'waiting' | 'chosen' | 'rejected' | 'expired' | 'withdrawn';
  readonly question: string;
  /** Answers that let things go on; rejecting is always possible. */
  readonly choices: readonly string[];
  readonly approvers?: readonly string[];
  readonly asked_at?: string;
  readonly expires_at?: string;
  /** Who asked: an agent; the workflow itself where absent. */
  readonly asked_by?: string;
  readonly step_id?: string;
  readonly choice?: string;
  readonly answered_by?: string;
  readonly comment?: string;
}

/** A task that people have now. */
export interface PersonTaskView {
  readonly step_id: string;
  /** Absent: anyone. */
  readonly person?: string;
  readonly from: string;
  readonly handed_at: string;
  readonly instructions: Json;
  readonly note?: string;
  readonly context?: Json;
}

/** All that agents asked for and the approval steps that wait now. */
export function approvalsOf({ plan, state }: RunSituation): ApprovalView[] {
  const ofSteps = plan.steps.flatMap((step) => {
    const record = state.steps.get(step.index);
    return record.status === 'waiting' && record.approval !== undefined
      ? [viewStepApproval(step, record, record.approval)]
      : [];
  });
  const isOver = isFinished(state.run.status) || state.run.status === 'cancelling';
  return [...ofSteps, ...state.run.asked.map((asked) => viewAsked(asked, isOver))];
}

export function personTasksOf({ plan, state }: RunSituation): PersonTaskView[] {
  return plan.steps.flatMap((step) => {
    const record = state.steps.get(step.index);
    const { handover } = record;
    if (handover?.to.kind !== 'person' || !awaitsPerson(record)) return [];
    const { to, from, note, context, atMs } = handover;
    return [
      {
        step_id: step.id,
        ...(to.name !== undefined && { person: to.name }),
        from,
        handed_at: isoTime(atMs),
        instructions: instructionsOf(step, record),
        ...(note !== undefined && { note }),
        ...(context !== undefined && { context }),
      },
    ];
  });
}

function instructionsOf(step: PlannedStep, record: StepState): Json {
  const input = taskInput(step, record);
  return isJsonObject(input) ? (input.instructions ?? null) : null;
}

function viewStepApproval(step: PlannedStep, record: StepState, ask: ApprovalAsk): ApprovalView {
  const { startedAtMs, dueAtMs } = record;
  return {
    approval_id: step.id,
    status: 'waiting',
    ...viewAsk(ask),
    ...(startedAtMs !== undefined && { asked_at: isoTime(startedAtMs) }),
    ...(dueAtMs !== undefined && { expires_at: isoTime(dueAtMs) }),
    step_id: step.id,
  };
}

function viewAsked(asked: AskedApproval, isOver: boolean): ApprovalView {
  const { approvalId, ask, by, step, askedAtMs, dueAtMs, answer } = asked;
  return {
    approval_id: approvalId,
    status: answer?.resolution ?? (isOver ? 'withdrawn' : 'waiting'),
    ...viewAsk(ask),
    asked_at: isoTime(askedAtMs),
    ...(dueAtMs !== undefined && { expires_at: isoTime(dueAtMs) }),
    asked_by: by,
    ...(step !== undefined && { step_id: step }),
    ...(answer?.choice !== undefined && { choice: answer.choice }),
    ...(answer?.by !== undefined && { answered_by: answer.by }),
    ...(answer?.comment !== undefined && { comment: answer.comment }),
  };
}

function viewAsk({ question, choices, approvers }: ApprovalAsk) {
  return { question, choices, ...(approvers && { approvers }) };
}
