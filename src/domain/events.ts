import { z } from 'zod';
import type { Json } from './json.ts';
import { prioritySchema } from './priority.ts';

/**
 * What can happen to a run. History is made of these and never changes, so a shape here is for ever:
 * a new shape gets the next `schemaVersion` and an upcaster (see upcast.ts).
 */
export const EVENT_SCHEMA_VERSION = 1;

export const jsonSchema: z.ZodType<Json> = z.json();

export const stepErrorSchema = z.object({
  code: z.string(),
  message: z.string(),
  details: jsonSchema.optional(),
});
export type StepError = z.infer<typeof stepErrorSchema>;

const stepAttempt = { step: z.string(), attempt: z.number().int().nonnegative() };
/** Who ran it and since when (worker's clock, epoch ms); absent for steps the engine runs itself. */
const performer = { worker: z.string().optional(), startedAtMs: z.number().optional() };

const workflowStarted = z.object({
  type: z.literal('WorkflowStarted'),
  runId: z.string(),
  name: z.string(),
  definitionHash: z.string(),
  definitionVersion: z.number().int().positive(),
  /** After defaults. */
  input: jsonSchema,
  /** Absolute directory that relative paths of steps start from. */
  workspace: z.string(),
  /** Asked for with the start; goes before that of the workflow. */
  priority: prioritySchema.optional(),
});

/**
 * Enqueued for a worker or an agent. `input` is the evaluated `with`, left out where it has no expressions; `queue` is
 * named where a handover changed it; `dueAtMs` sets the time limit of an agent's attempt.
 */
const stepsScheduled = z.object({
  type: z.literal('StepsScheduled'),
  steps: z.array(
    z.object({
      ...stepAttempt,
      input: jsonSchema.optional(),
      queue: z.string().optional(),
      dueAtMs: z.number().optional(),
    }),
  ),
});

/** A `wait` or `signal` step waits; `dueAtMs` sets its timer. */
const stepWaiting = z.object({
  type: z.literal('StepWaiting'),
  ...stepAttempt,
  dueAtMs: z.number().optional(),
  signal: z.string().optional(),
});

export const approvalAskSchema = z.object({
  question: z.string(),
  /** Answers that let things go on; rejecting is always possible. */
  choices: z.array(z.string()),
  /** Absent: anyone who may approve. */
  approvers: z.array(z.string()).optional(),
});
export type ApprovalAsk = z.infer<typeof approvalAskSchema>;

/**
 * People are asked. With `attempt` the step is an approval and its id that of the approval; else an agent asks (`by`),
 * in the course of `step` where it named one, and the id begins with `ask:`.
 */
const approvalRequested = z.object({
  type: z.literal('ApprovalRequested'),
  approvalId: z.string(),
  step: z.string().optional(),
  attempt: z.number().int().optional(),
  ask: approvalAskSchema,
  by: z.string().optional(),
  dueAtMs: z.number().optional(),
});

/** What came of it; for an approval step its completion or failure follows. */
export const approvalAnswerSchema = z.object({
  resolution: z.enum(['chosen', 'rejected', 'expired']),
  choice: z.string().optional(),
  by: z.string().optional(),
  via: z.string().optional(),
  comment: z.string().optional(),
});
export type ApprovalAnswer = z.infer<typeof approvalAnswerSchema>;
const approvalResolved = z.object({
  type: z.literal('ApprovalResolved'),
  approvalId: z.string(),
  attempt: z.number().int().optional(),
  ...approvalAnswerSchema.shape,
});

export const handoverTargetSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('agent'), name: z.string() }),
  z.object({ kind: z.literal('capability'), name: z.string() }),
  /** Without a name: anyone who looks after the runs. */
  z.object({ kind: z.literal('person'), name: z.string().optional() }),
]);
export type HandoverTarget = z.infer<typeof handoverTargetSchema>;

/** The same attempt goes on elsewhere, with what its last holder has to say. `queue`: unless a person has it now. */
const taskHandedOver = z.object({
  type: z.literal('TaskHandedOver'),
  ...stepAttempt,
  to: handoverTargetSchema,
  from: z.string(),
  queue: z.string().optional(),
  note: z.string().optional(),
  context: jsonSchema.optional(),
  heartbeat: jsonSchema.optional(),
});

/** Work in a repository at a checkpoint. What was not committed is kept as a binary diff against `commit`. */
export const repositoryStateSchema = z.object({
  /** Absolute path of its root. */
  path: z.string(),
  /** Absent before the first commit. */
  commit: z.string().optional(),
  branch: z.string().optional(),
  isDirty: z.boolean(),
  diff: z
    .object({ artifactId: z.string(), bytes: z.number().int(), files: z.number().int() })
    .optional(),
  /** What is not in the diff, or why there is none. */
  diffLeftOut: z.string().optional(),
});
export type RepositoryState = z.infer<typeof repositoryStateSchema>;

/** Names the point right after itself. */
const checkpointCreated = z.object({
  type: z.literal('CheckpointCreated'),
  name: z.string(),
  note: z.string().optional(),
  repository: repositoryStateSchema.optional(),
});

/** Committed before an unsafe effect begins, so that a crash is seen as "outcome unknown". */
const stepStarted = z.object({ type: z.literal('StepStarted'), ...stepAttempt, ...performer });

const stepCompleted = z.object({
  type: z.literal('StepCompleted'),
  ...stepAttempt,
  ...performer,
  output: jsonSchema,
  /** Name of the buffered signal that this completion used up. */
  consumedSignal: z.string().optional(),
});

const contractViolated = z.object({
  type: z.literal('ContractViolated'),
  ...stepAttempt,
  violations: z.array(z.object({ path: z.string(), message: z.string() })),
  /** Name of the signal that carried the output: it is used up, or every further attempt would take it again. */
  consumedSignal: z.string().optional(),
});

/** The attempt failed; the next one follows when the timer at `retryAtMs` fires. */
const stepAttemptFailed = z.object({
  type: z.literal('StepAttemptFailed'),
  ...stepAttempt,
  ...performer,
  error: stepErrorSchema,
  retryAtMs: z.number(),
  /** Last heartbeat payload, handed to the next attempt. */
  heartbeat: jsonSchema.optional(),
});

const stepFailed = z.object({
  type: z.literal('StepFailed'),
  ...stepAttempt,
  ...performer,
  error: stepErrorSchema,
});

export const skipReasonSchema = z.enum(['condition', 'upstream', 'stopped']);
const stepsSkipped = z.object({
  type: z.literal('StepsSkipped'),
  steps: z.array(z.object({ step: z.string(), reason: skipReasonSchema })),
});

export const postponementSchema = z.object({
  /** What the step talks to, e.g. `host:api.example.com`. */
  target: z.string(),
  /** Since when it fails (clock of the worker, epoch ms), and with what. */
  sinceMs: z.number(),
  reason: z.string(),
});
export type Postponement = Readonly<z.infer<typeof postponementSchema>>;

/** The attempt was offered and not begun, because its target's breaker is open: the same one follows at `untilMs`. */
const stepPostponed = z.object({
  type: z.literal('StepPostponed'),
  ...stepAttempt,
  ...postponementSchema.shape,
  untilMs: z.number(),
  /** Of this attempt, this time included: each has a timer of its own. */
  count: z.number().int(),
  heartbeat: jsonSchema.optional(),
});

/** Back in line for the attempt after `attempt`: a retry came due, or a paused run gave the task back. */
const stepReadied = z.object({
  type: z.literal('StepReadied'),
  ...stepAttempt,
  /** Of who held the task that was given back. */
  heartbeat: jsonSchema.optional(),
});

/** An unsafe effect was begun and nobody knows how it ended: a decision is needed. */
const stepOutcomeUnknown = z.object({
  type: z.literal('StepOutcomeUnknown'),
  ...stepAttempt,
  reason: z.string(),
});

const stepsCancelled = z.object({
  type: z.literal('StepsCancelled'),
  steps: z.array(z.object(stepAttempt)),
});

const signalReceived = z.object({
  type: z.literal('SignalReceived'),
  name: z.string(),
  payload: jsonSchema,
});

const reason = { reason: z.string().optional() };
const workflowPaused = z.object({ type: z.literal('WorkflowPaused'), ...reason });
const workflowResumed = z.object({ type: z.literal('WorkflowResumed'), ...reason });
const cancellationRequested = z.object({ type: z.literal('CancellationRequested'), ...reason });
const workflowCompleted = z.object({ type: z.literal('WorkflowCompleted'), output: jsonSchema });
const workflowFailed = z.object({ type: z.literal('WorkflowFailed'), error: stepErrorSchema });
const workflowCancelled = z.object({ type: z.literal('WorkflowCancelled') });

export const eventBodySchema = z.discriminatedUnion('type', [
  workflowStarted,
  stepsScheduled,
  stepWaiting,
  stepStarted,
  stepCompleted,
  contractViolated,
  stepAttemptFailed,
  stepFailed,
  stepsSkipped,
  stepPostponed,
  stepReadied,
  stepOutcomeUnknown,
  stepsCancelled,
  approvalRequested,
  approvalResolved,
  taskHandedOver,
  checkpointCreated,
  signalReceived,
  workflowPaused,
  workflowResumed,
  cancellationRequested,
  workflowCompleted,
  workflowFailed,
  workflowCancelled,
]);
export type EventBody = z.infer<typeof eventBodySchema>;
export type EventOf<Type extends EventBody['type']> = Extract<EventBody, { type: Type }>;

/** Who sent the command: `client:…`, `worker:…`, `engine` or a person. Not a proof of identity. */
export const envelopeSchema = z.object({
  schemaVersion: z.literal(EVENT_SCHEMA_VERSION),
  /** Event n of a run has sequence n; the first is 1. */
  sequence: z.number().int().positive(),
  /** Epoch ms, store clock of the process that decided. */
  occurredAtMs: z.number(),
  commandId: z.string(),
  /** What made the sender send the command: a request, task, timer or message id. */
  causationId: z.string(),
  actor: z.string(),
  /** W3C Trace Context `traceparent` of the call, where it had one. */
  traceparent: z.string().optional(),
});
export type EventEnvelope = z.infer<typeof envelopeSchema>;

export const runEventSchema = z.object({ ...envelopeSchema.shape, body: eventBodySchema });
export type RunEvent = z.infer<typeof runEventSchema>;
