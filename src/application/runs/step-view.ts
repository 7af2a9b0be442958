import type { PlannedStep } from '../../domain/plan.ts';
import type { StepState, StepStatus } from '../../domain/state.ts';
import type { OpenTask } from '../../ports/work-source.ts';
import type { RunSituation } from './run-situation.ts';
import { servesQueue } from '../engine/serves-queue.ts';

/**
 * How a step stands, for people. A step whose task is with a live worker is `running`; one in a queue is `queued`, or
 * `no_worker` when no live worker serves that queue; in a run that is being cancelled either is `cancelling`.
 */
export type StepViewStatus =
  | Exclude<StepStatus, 'scheduled' | 'unknown'>
  | 'queued'
  | 'running'
  | 'no_worker'
  | 'cancelling'
  | 'outcome_unknown';

export interface StepView {
  readonly id: string;
  readonly uses: string;
  readonly status: StepViewStatus;
  /** Attempts begun or queued; 0: none yet. */
  readonly attempts: number;
  readonly started_at?: string;
  /** Of the last attempt; so far, while it runs. */
  readonly duration_ms?: number;
  /** Of the last failed attempt. */
  readonly error?: { readonly code: string; readonly message: string };
  readonly skip_reason?: string;
}

export function viewStep(situation: RunSituation, planned: PlannedStep): StepView {
  const record = situation.state.steps.get(planned.index);
  const lease = heldLease(situation, planned);
  const startedAtMs = lease?.claimedAtMs ?? record.startedAtMs;
  const untilMs = record.finishedAtMs ?? (lease && situation.nowMs);
  return {
    id: planned.id,
    uses: planned.uses,
    status: statusOf(situation, planned, record),
    attempts: record.attempt,
    ...(startedAtMs !== undefined && { started_at: isoTime(startedAtMs) }),
    ...(startedAtMs !== undefined &&
      untilMs !== undefined && { duration_ms: Math.max(0, untilMs - startedAtMs) }),
    ...(record.error && { error: { code: record.error.code, message: record.error.message } }),
    ...(record.skipReason && { skip_reason: record.skipReason }),
  };
}

/** The lease of the step's present attempt, while it has not run out. */
export function heldLease(
  situation: RunSituation,
  planned: PlannedStep,
): OpenTask['lease'] | undefined {
  const record = situation.state.steps.get(planned.index);
  const task = situation.tasks.get(planned.id);
  if (record.status !== 'scheduled' || task?.attempt !== record.attempt) return undefined;
  return task.lease && task.lease.expiresAtMs > situation.nowMs ? task.lease : undefined;
}

/** Where the task of the present attempt waits. */
export function queueOf(planned: PlannedStep, record: StepState): string {
  return record.queue ?? planned.queue ?? '';
}

export function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}

function statusOf(
  situation: RunSituation,
  planned: PlannedStep,
  record: StepState,
): StepViewStatus {
  if (record.status === 'unknown') return 'outcome_unknown';
  if (record.status !== 'scheduled') return record.status;
  if (situation.state.run.status === 'cancelling') return 'cancelling';
  if (heldLease(situation, planned)) return 'running';
  return servesQueue(situation, queueOf(planned, record)) ? 'queued' : 'no_worker';
}
