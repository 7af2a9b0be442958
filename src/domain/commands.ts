import type { StepError } from './events.ts';
import type { Json } from './json.ts';

/** What anyone may ask of a run. Imperative; refused by a rejection, never half applied. */
export type Command =
  | StartWorkflow
  | StartStep
  | CompleteStep
  | FailStep
  | ReturnStep
  | ReportUnknownOutcome
  | ReportCancelled
  | FireTimer
  | SignalWorkflow
  | ResolveStep
  | PauseWorkflow
  | ResumeWorkflow
  | CancelWorkflow;

export interface StartWorkflow {
  readonly type: 'StartWorkflow';
  readonly runId: string;
  readonly definitionVersion: number;
  readonly input: Json;
  readonly workspace: string;
}

interface StepAttempt {
  readonly step: string;
  readonly attempt: number;
}

interface Performed extends StepAttempt {
  readonly worker: string;
  readonly startedAtMs: number;
}

/** Asks leave to begin an unsafe effect. */
export interface StartStep extends Performed {
  readonly type: 'StartStep';
}

export interface CompleteStep extends Performed {
  readonly type: 'CompleteStep';
  readonly output: Json;
}

export interface FailStep extends Performed {
  readonly type: 'FailStep';
  readonly error: StepError & { readonly permanent?: boolean; readonly retryAfterMs?: number };
  readonly heartbeat?: Json;
}

/** The task was claimed but is not to run now (paused run, stale task): back in line, no attempt used. */
export interface ReturnStep extends StepAttempt {
  readonly type: 'ReturnStep';
}

export interface ReportUnknownOutcome extends StepAttempt {
  readonly type: 'ReportUnknownOutcome';
  readonly reason: string;
}

/** A recalled task will not run, or its process was stopped. */
export interface ReportCancelled extends StepAttempt {
  readonly type: 'ReportCancelled';
}

export interface FireTimer {
  readonly type: 'FireTimer';
  readonly timerId: string;
}

export interface SignalWorkflow {
  readonly type: 'SignalWorkflow';
  readonly name: string;
  readonly payload: Json;
}

/** Decides what became of an unsafe step whose outcome is unknown. */
export interface ResolveStep {
  readonly type: 'ResolveStep';
  readonly step: string;
  readonly resolution: 'retry' | 'completed' | 'failed';
  readonly output?: Json;
  readonly reason?: string;
}

export interface PauseWorkflow {
  readonly type: 'PauseWorkflow';
  readonly reason?: string;
}

export interface ResumeWorkflow {
  readonly type: 'ResumeWorkflow';
  readonly reason?: string;
}

export interface CancelWorkflow {
  readonly type: 'CancelWorkflow';
  readonly reason?: string;
}
