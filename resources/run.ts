import { RUN_OUTPUT, type WorkflowView } from '../src/application/runs/get-workflow.ts';
import type { StepView } from '../src/application/runs/step-view.ts';
import { toolCall } from '../src/application/tool-call.ts';
import type { JsonObject } from '../src/domain/json.ts';
import { completeRunId } from '../src/mcp/completions.ts';
import { defineResource } from '../src/mcp/define-resource.ts';
import { UNTRUSTED, boundedField, jsonContentThatFits } from '../src/mcp/resource-content.ts';
import { clip } from '../src/mcp/text-page.ts';

const MIME_TYPE = 'application/json';
/** Older runs are read too, but list_workflows is the place to look for them. */
const MAX_LISTED = 100;
const MAX_REASONS = 10;
const MAX_POINTS = 10;

export const runResource = defineResource({
  name: 'run',
  title: 'A run',
  description: 'Status, progress, steps, output and what needs somebody.',
  uri: 'workflow://runs/{run_id}',
  mimeType: MIME_TYPE,
  useCase: 'getWorkflow',
  complete: { run_id: completeRunId },
  list: async (application, context, { cursor, limit }) => {
    const [seen, inner] = parseCursor(cursor);
    const page = await application.listWorkflows(context, {
      limit: Math.min(limit, 50, MAX_LISTED - seen),
      ...(inner !== undefined && { cursor: inner }),
    });
    if (!page.ok) return page;
    const { runs, next_cursor } = page.value;
    const entries = runs.map(({ run_id, workflow, started_at }) => ({
      uri: `workflow://runs/${encodeURIComponent(run_id)}`,
      name: `${workflow} ${run_id}`,
      title: `Run of ${workflow}, started ${started_at}`,
      mimeType: MIME_TYPE,
    }));
    const count = seen + runs.length;
    const isMore = next_cursor !== undefined && count < MAX_LISTED;
    return {
      ok: true,
      value: { entries, ...(isMore && { nextCursor: `${count}~${next_cursor}` }) },
    };
  },
  read: async (application, context, { run_id }) => {
    const found = await application.getWorkflow(context, { run_id });
    if (!found.ok) return found;
    const { value } = found;
    return {
      ok: true,
      value: jsonContentThatFits(value.steps.length, (count) => shape(value, count)),
    };
  },
});

function shape(view: WorkflowView, count: number): JsonObject {
  const { run_id, workflow, version, status, started_at, finished_at, error } = view;
  const rest = view.attention.length - MAX_REASONS;
  return {
    run_id,
    workflow,
    version,
    status,
    started_at,
    ...(finished_at !== undefined && { finished_at, duration_ms: view.duration_ms }),
    progress: { ...view.progress },
    ...(error && { error: { code: error.code, message: clip(error.message, 1_000) } }),
    ...boundedField('output', view.output, 6_000, (offset) =>
      toolCall('get_workflow', { run_id, step: RUN_OUTPUT, offset }),
    ),
    needs_somebody: view.attention.slice(0, MAX_REASONS).map(({ kind, step, message, next }) => ({
      kind,
      ...(step !== undefined && { step }),
      message: clip(message, 600),
      ...(next !== undefined && { next: clip(next, 400) }),
    })),
    ...(rest > 0 && { needs_somebody_left_out: rest }),
    ...pointsOf(view),
    next: view.next.map((call) => clip(call, 400)),
    note: UNTRUSTED,
    steps: view.steps.slice(0, count).map(stepShape),
    ...(count < view.steps.length && {
      steps_left_out: view.steps.length - count,
      more: toolCall('get_workflow', { run_id, offset: count }),
    }),
  };
}

/** Approvals that have their answer (what waits stands under needs_somebody), and checkpoints: the newest. */
function pointsOf({ approvals, checkpoints }: WorkflowView): JsonObject {
  const answered = approvals.filter(({ status }) => status !== 'waiting');
  return {
    ...(answered.length > 0 && {
      approvals: answered.slice(-MAX_POINTS).map((approval) => ({
        approval_id: approval.approval_id,
        status: approval.status,
        question: clip(approval.question, 200),
        ...(approval.choice !== undefined && { choice: approval.choice }),
        ...(approval.answered_by !== undefined && { answered_by: approval.answered_by }),
      })),
    }),
    ...(checkpoints.length > 0 && {
      checkpoints_total: checkpoints.length,
      checkpoints: checkpoints.slice(-MAX_POINTS).map(({ checkpoint_id, name, at, note }) => ({
        checkpoint_id,
        name: clip(name, 100),
        at,
        ...(note !== undefined && { text: clip(note, 200) }),
      })),
    }),
  };
}

/** Without how long a step has run so far, which no subscriber could be told of. */
function stepShape(step: StepView): JsonObject {
  const { id, uses, status, attempts, started_at, duration_ms, error, skip_reason } = step;
  const isOver = status === 'completed' || status === 'failed';
  return {
    id,
    uses,
    status,
    attempts,
    ...(started_at !== undefined && { started_at }),
    ...(isOver && duration_ms !== undefined && { duration_ms }),
    ...(error && { error: { code: error.code, message: clip(error.message, 300) } }),
    ...(skip_reason !== undefined && { skip_reason }),
  };
}

/** How many were listed before, and where the store's next page begins. */
function parseCursor(cursor: string | undefined): [number, string | undefined] {
  const [, count = '0', inner] = /^(\d{1,3})~(.+)$/s.exec(cursor ?? '') ?? [];
  // What is no cursor of ours is left to the store, which refuses it.
  return inner === undefined ? [0, cursor] : [Math.min(Number(count), MAX_LISTED - 1), inner];
}
