import { z } from 'zod';
import type { JsonObject } from '../../domain/json.ts';
import { isFinished } from '../../domain/lifecycle.ts';
import type { QueueDepth } from '../../ports/work-source.ts';
import { runIdSchema } from '../call-arguments.ts';
import { translatingErrors } from '../commands/outcome-error.ts';
import type { Reason } from '../commands/reason.ts';
import { reasonsOf, needsSomebody } from './run-reasons.ts';
import { readSituation, type RunSituation } from './run-situation.ts';
import { nextCalls, summariseRun, type RunSummary } from './run-view.ts';
import { viewStep, type StepView } from './step-view.ts';
import { shownQueues } from '../access/tenant-view.ts';
import { toolCall } from '../tool-call.ts';
import type { ApplicationPorts, UseCase } from '../use-case.ts';

export const explainWorkflowInputSchema = z.object({ run_id: runIdSchema });
export type ExplainWorkflowInput = z.infer<typeof explainWorkflowInputSchema>;

export interface WorkflowExplanation extends RunSummary {
  /** One sentence: how the run stands and what it hangs on. */
  readonly headline: string;
  /** Every open step with its reason, those that need somebody first, those that only wait for others last. */
  readonly reasons: readonly Reason[];
  /** Steps that failed, with their last error. */
  readonly failures: readonly StepView[];
  readonly next: readonly string[];
}

/** Answers in one call why a run is where it is, and ends with the calls that move it on. */
export function createExplainWorkflow(
  ports: ApplicationPorts,
): UseCase<ExplainWorkflowInput, WorkflowExplanation> {
  return (context, { run_id }) =>
    translatingErrors('nothing', async () => {
      const depths = byQueue(shownQueues(context, await ports.store.queueDepths()));
      const situation = await readSituation(ports, { tenant: context.tenant, runId: run_id });
      if (!situation.ok) return situation;
      return { ok: true, value: explain({ ...situation.value, depths }) };
    });
}

function explain(situation: RunSituation): WorkflowExplanation {
  const summary = summariseRun(situation);
  const reasons = reasonsOf(situation);
  const failures = situation.plan.steps
    .filter((step) => situation.state.steps.get(step.index).status === 'failed')
    .map((step) => viewStep(situation, step));
  return {
    ...summary,
    headline: headlineOf(summary, reasons),
    reasons,
    failures,
    next: isFinished(summary.status) ? afterEnd(situation, summary) : nextCalls(summary, reasons),
  };
}

function headlineOf(summary: RunSummary, reasons: readonly Reason[]): string {
  const { status, progress, error } = summary;
  const done = `${progress.completed} of ${progress.total} steps completed`;
  if (status === 'failed') return `The run failed: ${error?.message ?? 'no error recorded'}`;
  if (isFinished(status)) return `The run is ${status}; ${done}.`;
  const stuck = reasons.filter(needsSomebody);
  if (stuck.length > 0)
    return `The run is ${status} (${done}) and needs somebody: ${stuck.length} reason(s).`;
  const moving = reasons.filter(({ kind }) => kind !== 'blocked').length;
  return `The run is ${status} (${done}); it moves on by itself: ${moving} open item(s).`;
}

function afterEnd({ state, key }: RunSituation, summary: RunSummary): readonly string[] {
  if (summary.status === 'completed') return [toolCall('get_workflow', { run_id: key.runId })];
  const { firstFailure, name, input } = state.run;
  const look: JsonObject =
    firstFailure === undefined ? { run_id: key.runId } : { run_id: key.runId, step: firstFailure };
  const again = { workflow: name, input };
  const isShort = JSON.stringify(again).length < 1_000;
  return [
    toolCall('get_workflow', look),
    toolCall('start_workflow', isShort ? again : { workflow: name }),
  ];
}

function byQueue(depths: readonly QueueDepth[]): ReadonlyMap<string, QueueDepth> {
  return new Map(depths.map((depth) => [depth.queue, depth]));
}
