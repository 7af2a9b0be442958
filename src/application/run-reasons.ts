import type { PlannedStep } from '../domain/plan.ts';
import { isTerminal, type StepState } from '../domain/state.ts';
import type { RunSituation } from './run-situation.ts';
import { servesQueue } from './serves-queue.ts';
import { heldLease, isoTime } from './step-view.ts';
import { toolCall } from './tool-call.ts';

export type ReasonKind =
  | 'running'
  | 'queued'
  | 'no_worker'
  | 'ready'
  | 'retrying'
  | 'waiting_for_signal'
  | 'waiting_until'
  | 'outcome_unknown'
  | 'paused'
  | 'cancelling'
  | 'blocked';

/** Why a step, or the run as a whole, has not ended. */
export interface Reason {
  readonly kind: ReasonKind;
  readonly step?: string;
  readonly message: string;
  /** The exact call that moves it on, where one does. */
  readonly next?: string;
}

/** Reasons that do not go away by waiting: somebody has to act. */
const NEEDS_SOMEBODY: ReadonlySet<ReasonKind> = new Set([
  'no_worker',
  'waiting_for_signal',
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
  return [...ofRun(situation), ...reasons].sort((a, b) => rank(a) - rank(b));
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
      return scheduled(situation, step, record);
    case 'waiting':
      return waiting(situation, step, record);
    case 'retrying':
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

function scheduled(situation: RunSituation, step: PlannedStep, record: StepState): Reason {
  const lease = heldLease(situation, step);
  if (situation.state.run.status === 'cancelling')
    return {
      kind: 'cancelling',
      step: step.id,
      message: lease
        ? `is being stopped; ${lease.owner} reports it, or its lease runs out at ${isoTime(lease.expiresAtMs)}.`
        : 'is being taken back, which any Baton process does (no program is needed for it).',
    };
  const attempt = `attempt ${record.attempt} of ${step.retry.maxAttempts}`;
  if (lease)
    return {
      kind: 'running',
      step: step.id,
      message: `${attempt} runs at worker ${lease.owner} since ${isoTime(lease.claimedAtMs)}; its lease runs until ${isoTime(lease.expiresAtMs)}${heartbeatOf(situation, step)}.`,
    };
  const queue = step.queue ?? '';
  const lost = situation.tasks.get(step.id)?.lease;
  const left = lost
    ? ` (worker ${lost.owner} stopped renewing its lease at ${isoTime(lost.expiresAtMs)})`
    : '';
  if (servesQueue(situation.workers, queue))
    return {
      kind: 'queued',
      step: step.id,
      message: `${attempt} is queued in "${queue}"${depthOf(situation, queue)}${left}; a live worker serves that queue.`,
    };
  return {
    kind: 'no_worker',
    step: step.id,
    message: `${attempt} is queued in "${queue}"${left}, and no live worker serves that queue. ${remedyFor(situation, queue)}`,
  };
}

function depthOf({ depths }: RunSituation, queue: string): string {
  const depth = depths?.get(queue);
  return depth === undefined ? '' : ` (${depth.waiting} waiting there, ${depth.leased} running)`;
}

/** What a person can change so that the queue is served. */
function remedyFor({ workers }: RunSituation, queue: string): string {
  const binary = /^shell:(.+)$/.exec(queue)?.[1];
  const others =
    workers.length === 0 ? 'No worker is alive' : `${workers.length} other(s) are alive`;
  if (binary === undefined) return `${others}: "baton worker" starts one.`;
  return `${others}: start one with "baton worker" (or any Baton server) whose setting shell.allow lists "${binary}".`;
}

function heartbeatOf(situation: RunSituation, step: PlannedStep): string {
  const heartbeat = situation.tasks.get(step.id)?.heartbeat;
  return heartbeat === undefined
    ? ''
    : `; last heartbeat ${JSON.stringify(heartbeat).slice(0, 200)}`;
}

function waiting({ key }: RunSituation, step: PlannedStep, record: StepState): Reason {
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
