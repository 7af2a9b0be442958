import type { Json } from '../../domain/json.ts';
import { isFinished, type RunStatus } from '../../domain/lifecycle.ts';
import type { RunState } from '../../domain/state.ts';
import type { Reason } from '../commands/reason.ts';
import { needsSomebody } from './run-reasons.ts';
import type { RunSituation } from './run-situation.ts';
import { isoTime } from './step-view.ts';
import { toolCall } from '../tool-call.ts';

export interface RunProgress {
  readonly completed: number;
  readonly failed: number;
  /** Skipped or cancelled. */
  readonly dropped: number;
  readonly total: number;
}

/** What every answer about one run says of it. */
export interface RunSummary {
  readonly run_id: string;
  readonly workflow: string;
  /** Of the definition that the run keeps. */
  readonly version: number;
  readonly status: RunStatus;
  readonly started_at: string;
  readonly finished_at?: string;
  /** So far, while it is not finished. */
  readonly duration_ms: number;
  readonly progress: RunProgress;
  readonly output?: Json;
  readonly error?: { readonly code: string; readonly message: string };
}

export function summariseRun({ state, plan, nowMs }: RunSituation): RunSummary {
  const { run } = state;
  return {
    run_id: run.runId,
    workflow: run.name,
    version: run.definitionVersion,
    status: run.status,
    started_at: isoTime(run.startedAtMs),
    ...(run.finishedAtMs !== undefined && { finished_at: isoTime(run.finishedAtMs) }),
    duration_ms: Math.max(0, (run.finishedAtMs ?? nowMs) - run.startedAtMs),
    progress: progressOf(state, plan.steps.length),
    ...(run.output !== undefined && run.output !== null && { output: run.output }),
    ...(run.error && { error: { code: run.error.code, message: run.error.message } }),
  };
}

export function progressOf({ run }: RunState, total: number): RunProgress {
  const { completedSteps: completed, failedSteps: failed, openSteps } = run;
  return { completed, failed, dropped: total - openSteps - completed - failed, total };
}

/** What became of steps that neither completed nor failed. */
export function droppedWord(status: RunStatus): string {
  return status === 'cancelling' || status === 'cancelled' ? 'cancelled or skipped' : 'skipped';
}

/** The calls that make sense now, exact ones first. */
export function nextCalls(summary: RunSummary, reasons: readonly Reason[]): readonly string[] {
  const { run_id } = summary;
  if (summary.status === 'completed') return [];
  if (isFinished(summary.status)) return [toolCall('explain_workflow', { run_id })];
  const exact = reasons.filter(needsSomebody).flatMap(({ next }) => next ?? []);
  return [...exact.slice(0, 5), toolCall('await_workflow', { run_id })];
}
