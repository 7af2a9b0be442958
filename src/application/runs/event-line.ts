import { assertNever } from '../../domain/assert-never.ts';
import type { ApprovalAnswer, EventBody, RepositoryState, RunEvent } from '../../domain/events.ts';
import { targetName } from '../agents/handover-target.ts';
import { isoTime } from './step-view.ts';

/** One event in short, for lists. */
export interface EventLine {
  readonly sequence: number;
  readonly at: string;
  readonly type: EventBody['type'];
  readonly actor: string;
  /** What happened, in at most some 300 characters. */
  readonly text: string;
}

const MAX_NAMES = 8;
const MAX_TEXT_CHARS = 240;

export function eventLine(event: RunEvent): EventLine {
  return {
    sequence: event.sequence,
    at: isoTime(event.occurredAtMs),
    type: event.body.type,
    actor: event.actor,
    text: describe(event.body),
  };
}

// An exhaustive switch, one line a case.
function describe(event: EventBody): string {
  switch (event.type) {
    case 'WorkflowStarted':
      return `started ${event.name}@${event.definitionVersion}${event.priority === undefined ? '' : `, priority ${event.priority}`}`;
    case 'StepsScheduled':
      return `queued ${names(event.steps.map(({ step, attempt }) => `${step}${again(attempt)}`))}`;
    case 'StepWaiting':
      return `${event.step} waits for ${waitOf(event.signal, event.dueAtMs)}`;
    case 'StepStarted':
      return `${event.step} begins its unsafe effect${again(event.attempt)}`;
    case 'StepCompleted':
      return `${event.step} completed${again(event.attempt)}${tookOf(event)}`;
    case 'ContractViolated':
      return `${event.step} broke its output contract: ${names(event.violations.map(({ path, message }) => `${path} ${message}`))}`;
    case 'StepAttemptFailed':
      return `${event.step} attempt ${event.attempt} failed, retried at ${isoTime(event.retryAtMs)}: ${errorOf(event.error)}`;
    case 'StepFailed':
      return `${event.step} failed${again(event.attempt)}: ${errorOf(event.error)}`;
    case 'StepsSkipped':
      return `skipped ${names(event.steps.map(({ step, reason }) => `${step} (${reason})`))}`;
    case 'StepPostponed':
      return `${event.step} put off until ${isoTime(event.untilMs)}: ${event.target} fails since ${isoTime(event.sinceMs)}: ${short(event.reason)}`;
    case 'StepReadied':
      return `${event.step} is in line for attempt ${event.attempt + 1}`;
    case 'StepOutcomeUnknown':
      return `${event.step} outcome unknown: ${short(event.reason)}`;
    case 'StepsCancelled':
      return `cancelled ${names(event.steps.map(({ step }) => step))}`;
    case 'ApprovalRequested':
      return `approval "${event.approvalId}" asked${byWhom(event.by)}: ${short(event.ask.question)}`;
    case 'ApprovalResolved':
      return `approval "${event.approvalId}" ${answerOf(event)}`;
    case 'TaskHandedOver':
      return `${event.step} handed to ${targetName(event.to)} by ${event.from}${reasonOf(event.note)}`;
    case 'CheckpointCreated':
      return `checkpoint "${event.name}"${commitOf(event.repository)}${reasonOf(event.note)}`;
    case 'SignalReceived':
      return `signal "${event.name}" received`;
    case 'WorkflowPaused':
      return `paused${reasonOf(event.reason)}`;
    case 'WorkflowResumed':
      return `resumed${reasonOf(event.reason)}`;
    case 'CancellationRequested':
      return `cancellation requested${reasonOf(event.reason)}`;
    case 'WorkflowCompleted':
      return 'run completed';
    case 'WorkflowFailed':
      return `run failed: ${errorOf(event.error)}`;
    case 'WorkflowCancelled':
      return 'run cancelled';
    default:
      return assertNever(event);
  }
}

function byWhom(by: string | undefined): string {
  return by === undefined ? '' : ` by ${by}`;
}

function answerOf({ resolution, choice = '', by, via, comment }: ApprovalAnswer): string {
  if (resolution === 'expired') return 'expired';
  const how = resolution === 'rejected' ? 'rejected' : `answered "${choice}"`;
  return `${how}${byWhom(by)}${via === undefined ? '' : ` (${via})`}${reasonOf(comment)}`;
}

function commitOf(repository: RepositoryState | undefined): string {
  if (repository === undefined) return '';
  const { commit = 'no commit', isDirty } = repository;
  return ` at ${commit.slice(0, 12)}${isDirty ? ' with changes' : ''}`;
}

function names(all: readonly string[]): string {
  const rest = all.length - MAX_NAMES;
  const shown = all.slice(0, MAX_NAMES).join(', ');
  return short(rest > 0 ? `${shown} and ${rest} more` : shown);
}

function again(attempt: number): string {
  return attempt > 1 ? ` (attempt ${attempt})` : '';
}

function waitOf(signal: string | undefined, dueAtMs: number | undefined): string {
  const time = dueAtMs === undefined ? '' : isoTime(dueAtMs);
  if (signal === undefined) return time;
  return `signal "${signal}"${time === '' ? '' : ` until ${time}`}`;
}

function tookOf({ worker }: { worker?: string | undefined }): string {
  return worker === undefined ? '' : ` at ${worker}`;
}

function errorOf({ code, message }: { code: string; message: string }): string {
  return short(`${code}: ${message}`);
}

function reasonOf(reason: string | undefined): string {
  return reason === undefined ? '' : `: ${short(reason)}`;
}

function short(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length <= MAX_TEXT_CHARS ? line : `${line.slice(0, MAX_TEXT_CHARS - 1)}…`;
}
