import type {
  ApprovalAsk,
  HandoverTarget,
  Postponement,
  RepositoryState,
  StepError,
} from './events.ts';
import type { Json } from './json.ts';
import type { Priority } from './priority.ts';

/** What anyone may ask of a run. Imperative; refused by a rejection, never half applied. */
export type Command =
  | StartWorkflow
  | StartStep
  | CompleteStep
  | FailStep
  | ReturnStep
  | PostponeStep
  | ReportUnknownOutcome
  | ReportCancelled
  | FireTimer
  | SignalWorkflow
  | ResolveStep
  | RequestApproval
  | ResolveApproval
  | HandOverTask
  | AnswerTask
  | CreateCheckpoint
  | PauseWorkflow
  | ResumeWorkflow
  | CancelWorkflow;

export interface StartWorkflow {
  readonly type: 'StartWorkflow';
  readonly runId: string;
  readonly definitionVersion: number;
  readonly input: Json;
  readonly workspace: string;
  /** Of this run; steps that have one of their own keep it. */
  readonly priority?: Priority;
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
  /** Last payload of who held it before. */
  readonly heartbeat?: Json;
}

/** The task was claimed, but what it talks to is known to be down: offered again after a while, no attempt used. */
export interface PostponeStep extends StepAttempt, Postponement {
  readonly type: 'PostponeStep';
  readonly delayMs: number;
  /** Last payload of who held it before. */
  readonly heartbeat?: Json;
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
  /** Of an attempt whose time is up: the last payload of who holds it. */
  readonly heartbeat?: Json;
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

/** An agent asks people for leave in the course of a run. */
export interface RequestApproval {
  readonly type: 'RequestApproval';
  /** `ask:` and what makes it new in the run; a colon keeps it apart from the ids of steps. */
  readonly approvalId: `ask:${string}`;
  readonly ask: ApprovalAsk;
  /** From now; without it the approval waits for as long as the run. */
  readonly expiresMs?: number;
  /** The step that the asker works on. */
  readonly step?: string;
  readonly by: string;
}

/** A person's answer. That it is one, and who, is for the sender to make sure of. */
export interface ResolveApproval {
  readonly type: 'ResolveApproval';
  readonly approvalId: string;
  readonly resolution: 'chosen' | 'rejected';
  /** Of a chosen one; may be left out where there is only one. */
  readonly choice?: string;
  readonly by: string;
  /** How the person was asked: `terminal`, `operator_key`, `elicitation`. */
  readonly via: string;
  readonly comment?: string;
}

/** Gives a claimed task, or one that a person has, to somebody else; the attempt stays the same. */
export interface HandOverTask extends StepAttempt {
  readonly type: 'HandOverTask';
  readonly to: HandoverTarget;
  readonly from: string;
  readonly note?: string;
  readonly context?: Json;
  /** Last heartbeat payload of who held it. */
  readonly heartbeat?: Json;
}

/** A person's result for a task that was handed to people. */
export interface AnswerTask {
  readonly type: 'AnswerTask';
  readonly step: string;
  readonly resolution: 'completed' | 'failed';
  readonly output?: Json;
  readonly reason?: string;
  readonly by: string;
}

/** Names this point of the history, for people and for a later fork. */
export interface CreateCheckpoint {
  readonly type: 'CreateCheckpoint';
  readonly name: string;
  readonly note?: string;
  readonly repository?: RepositoryState;
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
