import { z } from 'zod';
import {
  approvalAnswerSchema,
  approvalAskSchema,
  handoverTargetSchema,
  jsonSchema,
  postponementSchema,
  repositoryStateSchema,
  skipReasonSchema,
  stepErrorSchema,
} from './events.ts';
import { RUN_STATUSES } from './lifecycle.ts';
import type { Plan } from './plan.ts';
import { prioritySchema } from './priority.ts';

export const STEP_STATUSES = [
  'pending', // needs are still open
  'ready', // in line to start
  'scheduled', // enqueued for a worker or an agent, or running there
  'waiting', // for time, a signal or a person
  'retrying', // waits for the next attempt, or for the same one that was postponed
  'unknown', // an unsafe effect may or may not have happened: waits for a decision
  'completed',
  'failed',
  'skipped',
  'cancelled',
] as const;
export type StepStatus = (typeof STEP_STATUSES)[number];

const handoverSchema = z.object({
  to: handoverTargetSchema,
  from: z.string(),
  atMs: z.number(),
  note: z.string().optional(),
  context: jsonSchema.optional(),
  /** Times this attempt was handed on. */
  count: z.number().int(),
});
export type Handover = z.infer<typeof handoverSchema>;

const stepStateSchema = z.object({
  status: z.enum(STEP_STATUSES),
  openNeeds: z.number().int(),
  /** The last attempt that was scheduled; 0: none yet. */
  attempt: z.number().int(),
  /** Next step in the line of ready steps (a linked list through the records). */
  nextReady: z.number().int().optional(),
  input: jsonSchema.optional(),
  /** An unsafe effect of this attempt was begun. */
  begun: z.boolean().optional(),
  output: jsonSchema.optional(),
  error: stepErrorSchema.optional(),
  skipReason: skipReasonSchema.optional(),
  /** When the timer of a waiting or retrying step, or the time of an agent's attempt, is up. */
  dueAtMs: z.number().optional(),
  signal: z.string().optional(),
  /** Of a waiting approval step. */
  approval: approvalAskSchema.optional(),
  /** Where the present attempt was handed to; to a person while it waits. */
  handover: handoverSchema.optional(),
  /** The present attempt waits for its target, or did before it was offered again. */
  postponed: postponementSchema.extend({ count: z.number().int() }).optional(),
  /** Of the present attempt, where a handover changed it. */
  queue: z.string().optional(),
  heartbeat: jsonSchema.optional(),
  worker: z.string().optional(),
  startedAtMs: z.number().optional(),
  finishedAtMs: z.number().optional(),
});
export type StepState = Readonly<z.infer<typeof stepStateSchema>>;

/** Plan indexes; the records between are linked by `nextReady`. */
const lineSchema = z.object({
  head: z.number().int().optional(),
  tail: z.number().int().optional(),
});
export type ReadyLine = Readonly<z.infer<typeof lineSchema>>;

const askedApprovalSchema = z.object({
  approvalId: z.string(),
  ask: approvalAskSchema,
  by: z.string(),
  step: z.string().optional(),
  askedAtMs: z.number(),
  dueAtMs: z.number().optional(),
  answer: approvalAnswerSchema.optional(),
});
export type AskedApproval = Readonly<z.infer<typeof askedApprovalSchema>>;

const checkpointSchema = z.object({
  /** Of the event that names it: the point in the history right after it. */
  sequence: z.number().int(),
  atMs: z.number(),
  name: z.string(),
  note: z.string().optional(),
  repository: repositoryStateSchema.optional(),
});
export type Checkpoint = Readonly<z.infer<typeof checkpointSchema>>;

const runHeaderSchema = z.object({
  version: z.number().int(),
  status: z.enum(RUN_STATUSES),
  runId: z.string(),
  name: z.string(),
  definitionHash: z.string(),
  definitionVersion: z.number().int(),
  input: jsonSchema,
  workspace: z.string(),
  priority: prioritySchema.optional(),
  startedAtMs: z.number(),
  finishedAtMs: z.number().optional(),
  /** Steps that are not terminal. */
  openSteps: z.number().int(),
  /** Steps with a task in a queue or at a worker. */
  stepsInFlight: z.number().int(),
  completedSteps: z.number().int(),
  failedSteps: z.number().int(),
  firstFailure: z.string().optional(),
  /** Steps in line to start. Two lines, so that nothing the engine runs itself waits for busy workers. */
  ready: z.object({ engine: lineSchema, worker: lineSchema }),
  /** Received and not yet used, oldest first. */
  signals: z.array(z.object({ name: z.string(), payload: jsonSchema })),
  /** Open approvals and tasks with a person. */
  awaitedPeople: z.number().int().default(0),
  /** That agents asked for, in order, with their answers. */
  asked: z.array(askedApprovalSchema).default([]),
  checkpoints: z.array(checkpointSchema).default([]),
  output: jsonSchema.optional(),
  error: stepErrorSchema.optional(),
  reason: z.string().optional(),
});
export type RunHeader = Readonly<z.infer<typeof runHeaderSchema>>;

/** Step records by plan index; records are immutable, replaced whole. */
export interface StepTable {
  get(index: number): StepState;
  set(index: number, step: StepState): void;
}

/** The fold of a run's history. The caller owns it: `evolve` changes it in place, copying no table. */
export interface RunState {
  run: RunHeader;
  readonly steps: StepTable;
}

const EMPTY_RUN: RunHeader = {
  version: 0,
  status: 'pending',
  runId: '',
  name: '',
  definitionHash: '',
  definitionVersion: 0,
  input: null,
  workspace: '',
  startedAtMs: 0,
  openSteps: 0,
  stepsInFlight: 0,
  completedSteps: 0,
  failedSteps: 0,
  ready: { engine: {}, worker: {} },
  signals: [],
  awaitedPeople: 0,
  asked: [],
  checkpoints: [],
};

/** The state before the first event. Records of untouched steps are made on demand. */
export function createRunState(plan: Plan): RunState {
  return { run: EMPTY_RUN, steps: createStepTable(plan, []) };
}

function createStepTable(plan: Plan, records: (StepState | undefined)[]): StepTable {
  return {
    get: (index) => records[index] ?? initialStep(plan, index),
    set: (index, step) => {
      records[index] = step;
    },
  };
}

function initialStep(plan: Plan, index: number): StepState {
  return { status: 'pending', openNeeds: plan.steps[index]?.needs.length ?? 0, attempt: 0 };
}

export interface DraftState extends RunState {
  /** Writes what the draft changed into the state it was made from. */
  apply(): void;
}

/** A view that takes changes without touching `base`, at the cost of the steps touched. */
export function draftOf(base: RunState): DraftState {
  const touched = new Map<number, StepState>();
  return {
    run: base.run,
    steps: {
      get: (index) => touched.get(index) ?? base.steps.get(index),
      set: (index, step) => {
        touched.set(index, step);
      },
    },
    apply() {
      base.run = this.run;
      for (const [index, step] of touched) base.steps.set(index, step);
    },
  };
}

const snapshotSchema = z.object({
  format: z.literal(1),
  run: runHeaderSchema,
  /** Sparse: only steps that were touched, as [index, record]. */
  steps: z.array(z.tuple([z.number().int(), stepStateSchema])),
});

/** Serialises the state; the inverse is `readSnapshot` and `restoreState`. */
export function writeSnapshot(plan: Plan, state: RunState): string {
  const steps: [number, StepState][] = [];
  for (const step of plan.steps) {
    const record = state.steps.get(step.index);
    if (record.status !== 'pending' || record.openNeeds !== step.needs.length)
      steps.push([step.index, record]);
  }
  return JSON.stringify({ format: 1, run: state.run, steps });
}

export type Snapshot = z.infer<typeof snapshotSchema>;

/** `undefined` for a snapshot of another format: the caller folds the whole history instead. */
export function readSnapshot(text: string): Snapshot | undefined {
  return snapshotSchema.safeParse(JSON.parse(text)).data;
}

export function restoreState(plan: Plan, snapshot: Snapshot): RunState {
  const records: (StepState | undefined)[] = [];
  for (const [index, step] of snapshot.steps) records[index] = step;
  return { run: snapshot.run, steps: createStepTable(plan, records) };
}

/** The step waits for somebody's answer: an approval, or a task that was handed to people. */
export function awaitsPerson({ status, approval, handover }: StepState): boolean {
  return status === 'waiting' && (approval !== undefined || handover?.to.kind === 'person');
}

export function isTerminal(status: StepStatus): boolean {
  return (
    status === 'completed' || status === 'failed' || status === 'skipped' || status === 'cancelled'
  );
}
