import { z } from 'zod';
import type { Application } from '../src/application/application.ts';
import type { ApprovalView } from '../src/application/people/approval-view.ts';
import type { DefinitionDocument } from '../src/application/catalog/get-definition.ts';
import type { StepDetail, WorkflowView } from '../src/application/runs/get-workflow.ts';
import { toolCall } from '../src/application/tool-call.ts';
import type { CallContext, UseCaseResult } from '../src/application/use-case.ts';
import { completeApprovalId, completeWaitingRun } from '../src/mcp/completions.ts';
import { definePrompt } from '../src/mcp/define-prompt.ts';
import { composePrompt, untrusted } from '../src/mcp/prompt-text.ts';
import { checkpointLine, headLine } from '../src/mcp/run-text.ts';
import {
  latestFinished,
  plannedLine,
  readSteps,
  resultBlock,
  stepsAfter,
} from '../src/mcp/step-parts.ts';

const ASKED =
  'Read what you need (get_workflow with step, get_workflow_history, the changed files in the workspace). Then tell the person in at most 15 lines: what they are asked, what was done and how you checked it, what happens after a yes and what of it cannot be taken back, what happens after a no, what you doubt, and what you would choose.';
const MAX_STEPS = 8;
const MAX_PLANNED = 8;

export const reviewBeforeApproval = definePrompt({
  name: 'review_before_approval',
  title: 'Review before a person decides',
  description: 'What an open approval is about: what was done so far, and what a yes lets happen.',
  argsSchema: z.object({
    run_id: z.string().trim().min(1).describe('The run that waits for a person'),
    approval_id: z.string().trim().min(1).optional().describe('Default: the first that waits'),
  }),
  complete: { run_id: completeWaitingRun, approval_id: completeApprovalId },
  withPlaceholders: ({ run_id }) =>
    `A person is about to decide an approval in run ${run_id}. Review it for them; you cannot decide it, and no tool can. explain_workflow with that run_id says what is asked. ${ASKED}`,
  build: async (application, context, { run_id, approval_id }) => {
    const found = await application.getWorkflow(context, { run_id });
    if (!found.ok) return found;
    const view = found.value;
    const waiting = view.approvals.filter(({ status }) => status === 'waiting');
    const approval =
      approval_id === undefined
        ? waiting[0]
        : view.approvals.find((one) => one.approval_id === approval_id);
    if (approval?.status !== 'waiting')
      return { ok: true, value: nothingWaits(view, approval ?? approval_id) };
    const review = await readReview(application, context, view, approval);
    if (!review.ok) return review;
    const others = waiting.filter((one) => one !== approval).map((one) => one.approval_id);
    return { ok: true, value: textOf(review.value, others) };
  },
});

interface Review {
  readonly view: WorkflowView;
  readonly approval: ApprovalView;
  readonly definition: DefinitionDocument;
  readonly done: readonly StepDetail[];
}

async function readReview(
  application: Application,
  context: CallContext,
  view: WorkflowView,
  approval: ApprovalView,
): Promise<UseCaseResult<Review>> {
  // The version that the run keeps, which may not be the newest.
  const workflow = `${view.workflow}@${view.version}`;
  const definition = await application.getDefinition(context, { workflow });
  if (!definition.ok) return definition;
  const ids = latestFinished(view, MAX_STEPS);
  const done = await readSteps(application, context, view.run_id, ids);
  if (!done.ok) return done;
  return {
    ok: true,
    value: { view, approval, definition: definition.value, done: done.value.toReversed() },
  };
}

function textOf({ view, approval, definition, done }: Review, others: readonly string[]): string {
  const { run_id } = view;
  const checkpoint = view.checkpoints.at(-1);
  return composePrompt({
    head: [
      'A person is about to decide this approval. Review it for them; you cannot decide it, and no tool can.',
      headLine(view),
      ...questionLines(approval),
      ...(others.length > 0 ? [`Also waiting in this run: ${others.slice(0, 10).join(', ')}`] : []),
      '',
      ...consequenceLines(approval, definition),
      '',
      ...(checkpoint === undefined
        ? []
        : [`Newest checkpoint: ${checkpointLine(checkpoint).replaceAll(/\s+/g, ' ')}`]),
      done.length === 0 ? 'No step has finished yet.' : 'What was done so far, the latest first:',
    ],
    blocks: done.map(resultBlock),
    more: (count) => `- and ${count} more: ${toolCall('get_workflow', { run_id })}`,
    tail: [
      '',
      ASKED,
      `The person answers: baton approve ${run_id} ${approval.approval_id}   or   baton reject ${run_id} ${approval.approval_id}`,
    ],
  });
}

function questionLines(approval: ApprovalView): string[] {
  const { approval_id, question, choices, approvers, asked_by, asked_at, expires_at } = approval;
  const facts = [
    `choices: ${choices.join(', ')}, or reject`,
    `who may answer: ${approvers?.join(', ') ?? 'anyone who may approve here'}`,
    `asked by ${asked_by ?? 'the workflow'}${asked_at === undefined ? '' : ` at ${asked_at}`}`,
    expires_at === undefined ? 'never expires' : `expires (counts as a no) at ${expires_at}`,
  ];
  return [
    `Approval ${approval_id}: ${facts.join('; ')}.`,
    `question, ${untrusted(question, 1_200).join('\n')}`,
  ];
}

function consequenceLines(
  { approval_id, step_id, asked_by }: ApprovalView,
  { definition: { steps, onFailure = 'stop' } }: DefinitionDocument,
): string[] {
  const after = step_id === undefined ? [] : stepsAfter(steps, step_id);
  const rest = after.length - MAX_PLANNED;
  const isStep = approval_id === step_id;
  const no = isStep
    ? `After a no: step ${approval_id} fails (onFailure: ${onFailure}); what needs it is skipped unless its \`if\` says otherwise.`
    : `After a no: ${asked_by ?? 'who asked'} is told so and decides what to do; the run itself goes on.`;
  const yes = isStep
    ? `After a yes these steps may run (${after.length}), as the definition has them:`
    : `After a yes ${asked_by ?? 'who asked'} goes on${step_id === undefined ? '' : ` with step ${step_id}`}${after.length > 0 ? `; these steps come after it (${after.length}):` : '.'}`;
  return [
    after.length === 0 && isStep ? 'After a yes the run ends: no step waits for this one.' : yes,
    ...after.slice(0, MAX_PLANNED).map(plannedLine),
    ...(rest > 0 ? [`- and ${rest} more`] : []),
    no,
  ];
}

function nothingWaits(view: WorkflowView, asked: ApprovalView | string | undefined): string {
  const waiting = view.approvals.filter(({ status }) => status === 'waiting');
  const about =
    asked === undefined
      ? 'No approval waits in this run.'
      : typeof asked === 'string'
        ? `No approval "${asked.slice(0, 100)}" waits in this run.`
        : `Approval ${asked.approval_id} has its answer already: ${asked.status}${asked.choice === undefined ? '' : ` "${asked.choice}"`}.`;
  const others = waiting.map(({ approval_id }) => approval_id).slice(0, 10);
  return [
    headLine(view),
    about,
    others.length > 0
      ? `Waiting here: ${others.join(', ')}.`
      : `${toolCall('explain_workflow', { run_id: view.run_id })} says what it hangs on; the resource workflow://approvals/pending what waits elsewhere.`,
  ].join('\n');
}
