import { z } from 'zod';
import type { Json } from '../../domain/json.ts';
import { isFinished, type RunStatus } from '../../domain/lifecycle.ts';
import type { Plan } from '../../domain/plan.ts';
import { isTerminal, type RunState } from '../../domain/state.ts';
import { readEvent } from '../../domain/upcast.ts';
import { MAX_WAIT_SECONDS, runIdSchema, wholeNumberSchema } from '../call-arguments.ts';
import { translatingErrors } from '../commands/outcome-error.ts';
import type { Reason } from '../commands/reason.ts';
import { needsSomebody, reasonsOf } from './run-reasons.ts';
import { readSituation, type RunSituation } from './run-situation.ts';
import { progressOf } from './run-view.ts';
import { isoTime } from './step-view.ts';
import { waitForRun } from './wait-for-run.ts';
import type { ApplicationPorts, UseCase, UseCaseResult } from '../use-case.ts';

/** Of all stage outputs in one answer, as JSON text in UTF-8; what does not fit is named. */
const MAX_OUTPUTS_BYTES = 1_048_576;
/** More cannot be in queues at once; thousands may wait for time or signals. */
const MAX_CURRENT_STAGES = 64;

export const getWorkflowStateInputSchema = z.object({
  run_id: runIdSchema,
  /** Wait for another version than this one, up to `wait_seconds`. */
  known_version: wholeNumberSchema(0).optional(),
  wait_seconds: wholeNumberSchema(0, MAX_WAIT_SECONDS).optional(),
});
export type GetWorkflowStateInput = z.infer<typeof getWorkflowStateInputSchema>;

export interface WorkflowState {
  readonly run_id: string;
  readonly workflow: string;
  readonly definition_version: number;
  /** Of the run: how many events its history has. All but `attention` follows from them alone. */
  readonly version: number;
  readonly status: RunStatus;
  /** Steps that have begun and not ended, in the order of the definition; at most 64. */
  readonly current_stages: readonly string[];
  /** Steps that have ended in whatever way, of all; rounded down. */
  readonly progress_percentage: number;
  /** Outputs of completed steps, those that fit into 1 MiB together. */
  readonly stage_outputs: Readonly<Record<string, Json>>;
  /** Completed steps whose output did not fit; each can be read alone. */
  readonly stage_outputs_left_out: readonly string[];
  readonly started_at: string;
  /** Of the last event. */
  readonly updated_at: string;
  readonly finished_at?: string;
  readonly output?: Json;
  readonly error?: { readonly code: string; readonly message: string };
  /** What somebody has to act on, as it is now: with `wait_seconds` only, and no part of what the version says. */
  readonly attention?: readonly Reason[];
}

/**
 * A run as its history has it, so that one version always answers the same. With `wait_seconds` it first waits until the
 * run is finished or needs somebody; with `known_version` too, until the run has another version than that.
 */
export function createGetWorkflowState(
  ports: ApplicationPorts,
): UseCase<GetWorkflowStateInput, WorkflowState> {
  return ({ tenant, signal }, { run_id, known_version, wait_seconds }) =>
    translatingErrors('nothing', async () => {
      const key = { tenant, runId: run_id };
      let last: UseCaseResult<RunSituation> | undefined;
      await waitForRun(ports, {
        key,
        untilMs: ports.clock.now() + (wait_seconds ?? 0) * 1_000,
        signal,
        look: async () => {
          last = await readSituation(ports, key);
          return !last.ok || isNews(last.value, known_version) ? last : undefined;
        },
      });
      const found = last ?? (await readSituation(ports, key));
      if (!found.ok) return found;
      // Before the next await: the cache goes on folding into this state.
      const attention = wait_seconds === undefined ? undefined : attentionOf(found.value);
      const value = await view(ports, found.value);
      return { ok: true, value: { ...value, ...(attention && { attention }) } };
    });
}

function isNews(situation: RunSituation, known: number | undefined): boolean {
  const { run } = situation.state;
  if (known !== undefined) return run.version !== known;
  return isFinished(run.status) || attentionOf(situation).length > 0;
}

function attentionOf(situation: RunSituation): Reason[] {
  return reasonsOf(situation).filter(needsSomebody);
}

async function view(
  { store }: ApplicationPorts,
  { key, state, plan }: RunSituation,
): Promise<WorkflowState> {
  const { run } = state;
  const { completed, failed, dropped, total } = progressOf(state, plan.steps.length);
  // Made before the next await: the cache goes on folding into this state.
  const seen = {
    run_id: run.runId,
    workflow: run.name,
    definition_version: run.definitionVersion,
    version: run.version,
    status: run.status,
    current_stages: currentStages(plan, state),
    progress_percentage: Math.floor((100 * (completed + failed + dropped)) / total),
    ...outputsOf(plan, state),
    started_at: isoTime(run.startedAtMs),
    ...(run.finishedAtMs !== undefined && { finished_at: isoTime(run.finishedAtMs) }),
    ...(run.output !== undefined && run.output !== null && { output: run.output }),
    ...(run.error && { error: { code: run.error.code, message: run.error.message } }),
  };
  const [text] = await store.readHistory(key, seen.version, 1);
  // Gone with its run meanwhile, at worst.
  const updated_at = text === undefined ? seen.started_at : isoTime(readEvent(text).occurredAtMs);
  return { ...seen, updated_at };
}

function currentStages(plan: Plan, { steps }: RunState): string[] {
  const current: string[] = [];
  for (const { id, index } of plan.steps) {
    const { status } = steps.get(index);
    if (status !== 'pending' && status !== 'ready' && !isTerminal(status)) current.push(id);
    if (current.length === MAX_CURRENT_STAGES) break;
  }
  return current;
}

function outputsOf(plan: Plan, { steps }: RunState) {
  const stage_outputs: Record<string, Json> = {};
  const stage_outputs_left_out: string[] = [];
  let leftBytes = MAX_OUTPUTS_BYTES;
  for (const { id, index } of plan.steps) {
    const { status, output } = steps.get(index);
    if (status !== 'completed' || output === undefined) continue;
    const bytes = Buffer.byteLength(JSON.stringify(output));
    if (bytes > leftBytes) {
      stage_outputs_left_out.push(id);
      continue;
    }
    stage_outputs[id] = output;
    leftBytes -= bytes;
  }
  return { stage_outputs, stage_outputs_left_out };
}
