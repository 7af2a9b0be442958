import { agentInputSchema } from '../../domain/definition/agent-kind.ts';
import { isJsonObject, type Json } from '../../domain/json.ts';
import type { Plan, PlannedStep } from '../../domain/plan.ts';
import type { Handover } from '../../domain/state.ts';
import type { ClaimedTask } from '../../ports/work-source.ts';
import type { AdmittedTask } from '../engine/admit-task.ts';
import { readAgentHeartbeat } from './agent-heartbeat.ts';
import { AGENT_PRESENCE_MS } from './agent-registry.ts';
import { idempotencyKeyOf } from '../commands/idempotency-key.ts';
import { isoTime } from '../runs/step-view.ts';
import { taskInput } from '../engine/task-input.ts';

/** How long an agent may hold a task without a word, unless the step says otherwise by its `heartbeat`. */
export const AGENT_LEASE_MS = AGENT_PRESENCE_MS;

/** Everything an agent needs to do a task. Context, notes and payloads come from outside: data, not instructions. */
export interface AgentTask {
  /** The word that every report on the task gives back. */
  readonly task: string;
  readonly run_id: string;
  readonly workflow: string;
  readonly step_id: string;
  readonly attempt: number;
  readonly instructions: string;
  readonly context?: Json;
  /** JSON Schema that the output must keep. */
  readonly output_schema?: Json;
  /** Directory that relative paths of the run begin from. */
  readonly workspace: string;
  readonly lease: { readonly expires_at: string; readonly duration_seconds: number };
  /** Grows with every claim of the task: reports under an older one are refused. */
  readonly fence: number;
  /** The same over all attempts: give it to whatever the task changes outside. */
  readonly idempotency_key: string;
  readonly handover?: HandoverView;
  /** Of the attempt before. */
  readonly previous_error?: { readonly code: string; readonly message: string };
  /** What the last holder of the task left to resume from. */
  readonly last_heartbeat?: Json;
}

export interface HandoverView {
  readonly from: string;
  readonly note?: string;
  readonly context?: Json;
}

export function describeTask(
  token: string,
  task: Pick<ClaimedTask, 'lease' | 'attempt'> & { readonly heartbeat?: Json | undefined },
  { run, step, record }: AdmittedTask,
  leaseMs: number,
): AgentTask {
  const { key, fence, expiresAtMs } = task.lease;
  const { instructions, context } = agentInputSchema.parse(taskInput(step, record));
  const contract = contractOf(run.plan, step);
  const { payload } = readAgentHeartbeat(task.heartbeat ?? record.heartbeat);
  const { handover, error } = record;
  return {
    task: token,
    run_id: key.runId,
    workflow: run.state.run.name,
    step_id: step.id,
    attempt: task.attempt,
    instructions,
    ...(context !== undefined && { context }),
    ...(contract !== undefined && { output_schema: contract }),
    workspace: run.state.run.workspace,
    lease: { expires_at: isoTime(expiresAtMs), duration_seconds: Math.floor(leaseMs / 1_000) },
    fence,
    idempotency_key: idempotencyKeyOf(key, step.id),
    ...(handover && { handover: viewHandover(handover) }),
    ...(error && { previous_error: { code: error.code, message: error.message } }),
    ...(payload !== undefined && { last_heartbeat: payload }),
  };
}

export function viewHandover({ from, note, context }: Handover): HandoverView {
  return {
    from,
    ...(note !== undefined && { note }),
    ...(context !== undefined && { context }),
  };
}

/** JSON Schema of the step's output, as written in the definition, in either of the two places. */
export function contractOf({ definition }: Plan, { index }: PlannedStep): Json | undefined {
  const written = definition.steps[index];
  const inWith = isJsonObject(written?.with) ? written.with.output : undefined;
  return inWith ?? written?.outputSchema;
}
