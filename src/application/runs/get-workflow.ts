import { z } from 'zod';
import type { Json } from '../../domain/json.ts';
import type { PlannedStep } from '../../domain/plan.ts';
import { readAgentHeartbeat } from '../agents/agent-heartbeat.ts';
import { contractOf, viewHandover, type HandoverView } from '../agents/agent-task.ts';
import { stepById } from '../../domain/plan.ts';
import { nearestName } from '../../domain/definition/nearest-name.ts';
import { approvalsOf, type ApprovalView } from '../people/approval-view.ts';
import { viewCheckpoint, type CheckpointView } from '../checkpoints/checkpoint-view.ts';
import { runIdSchema, wholeNumberSchema } from '../call-arguments.ts';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import type { Reason } from '../commands/reason.ts';
import { needsSomebody, reasonsOf } from './run-reasons.ts';
import { readSituation, type RunSituation } from './run-situation.ts';
import { nextCalls, summariseRun, type RunSummary } from './run-view.ts';
import { taskInput } from '../engine/task-input.ts';
import { viewStep, type StepView } from './step-view.ts';
import type { ApplicationPorts, UseCase, UseCaseResult } from '../use-case.ts';

/** In place of a step's id: the output of the run itself. */
export const RUN_OUTPUT = '$run';

export const getWorkflowInputSchema = z.object({
  run_id: runIdSchema,
  step: z.string().min(1).optional().describe('Id: its whole output instead of the table'),
  offset: wholeNumberSchema(0).optional().describe('Go on from here, as the last answer said'),
});
export type GetWorkflowInput = z.infer<typeof getWorkflowInputSchema>;

export interface StepDetail extends StepView {
  readonly output?: Json;
  /** Evaluated `with` of the present attempt. */
  readonly input?: Json;
  readonly error_details?: Json;
  /** Of an agent's task that is open: what its holder is told beside the input. */
  readonly task?: OpenTaskView;
}

export interface OpenTaskView {
  /** JSON Schema that the output must keep. */
  readonly output_schema?: Json;
  readonly handover?: HandoverView;
  readonly last_heartbeat?: Json;
}

export interface WorkflowView extends RunSummary {
  /** In the order of the definition. */
  readonly steps: readonly StepView[];
  /** Open approvals, and all that agents asked for. */
  readonly approvals: readonly ApprovalView[];
  readonly checkpoints: readonly CheckpointView[];
  readonly attention: readonly Reason[];
  readonly next: readonly string[];
  /** Only of the step that was asked for. */
  readonly step?: StepDetail;
}

/** The state of a run as of now, with all its steps; whole, not paged (`offset` is for who shows it in pages). */
export function createGetWorkflow(
  ports: ApplicationPorts,
): UseCase<GetWorkflowInput, WorkflowView> {
  return ({ tenant }, input) =>
    translatingErrors('nothing', async () => {
      const situation = await readSituation(ports, { tenant, runId: input.run_id });
      return situation.ok ? view(situation.value, input.step) : situation;
    });
}

function view(situation: RunSituation, stepId: string | undefined): UseCaseResult<WorkflowView> {
  const isStep = stepId !== undefined && stepId !== RUN_OUTPUT;
  const detail = isStep ? detailOf(situation, stepId) : undefined;
  if (detail?.ok === false) return detail;
  const summary = summariseRun(situation);
  const attention = reasonsOf(situation).filter(needsSomebody);
  return {
    ok: true,
    value: {
      ...summary,
      steps: situation.plan.steps.map((step) => viewStep(situation, step)),
      approvals: approvalsOf(situation),
      checkpoints: situation.state.run.checkpoints.map((one) =>
        viewCheckpoint(situation.key.runId, one),
      ),
      attention,
      next: nextCalls(summary, attention),
      ...(detail && { step: detail.value }),
    },
  };
}

function detailOf(situation: RunSituation, id: string): UseCaseResult<StepDetail> {
  const planned = stepById(situation.plan, id);
  if (planned === undefined) return unknownStep(situation, id);
  const record = situation.state.steps.get(planned.index);
  const { output, error, status } = record;
  const isAsked = status === 'scheduled' || status === 'waiting';
  const input = isAsked && planned.queue !== undefined ? taskInput(planned, record) : record.input;
  return {
    ok: true,
    value: {
      ...viewStep(situation, planned),
      ...(output !== undefined && { output }),
      ...(input !== undefined && { input }),
      ...(error?.details !== undefined && { error_details: error.details }),
      ...(isAsked && planned.performer === 'agent' && { task: taskOf(situation, planned) }),
    },
  };
}

function taskOf({ plan, state, tasks }: RunSituation, planned: PlannedStep): OpenTaskView {
  const { handover, heartbeat } = state.steps.get(planned.index);
  const output_schema = contractOf(plan, planned);
  const left = readAgentHeartbeat(tasks.get(planned.id)?.heartbeat ?? heartbeat).payload;
  return {
    ...(output_schema !== undefined && { output_schema }),
    ...(handover && { handover: viewHandover(handover) }),
    ...(left !== undefined && { last_heartbeat: left }),
  };
}

function unknownStep({ plan, key }: RunSituation, id: string): UseCaseResult<never> {
  const nearest = nearestName(id, [...plan.indexOf.keys()]);
  return failure({
    code: 'unknown_step',
    message: `Workflow "${plan.name}" has no step "${id}".`,
    changed: 'nothing',
    next: `${nearest === undefined ? '' : `Did you mean "${nearest}"? `}get_workflow {"run_id":"${key.runId}"} lists the steps.`,
  });
}
