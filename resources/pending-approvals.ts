import type { Application } from '../src/application/application.ts';
import type { ApprovalView, PersonTaskView } from '../src/application/people/approval-view.ts';
import type { Inbox, InboxRun } from '../src/application/people/list-inbox.ts';
import { toolCall } from '../src/application/tool-call.ts';
import type { CallContext, UseCaseResult } from '../src/application/use-case.ts';
import type { JsonObject } from '../src/domain/json.ts';
import { defineResource } from '../src/mcp/define-resource.ts';
import { UNTRUSTED, boundedField, jsonContentThatFits } from '../src/mcp/resource-content.ts';
import { clip } from '../src/mcp/text-page.ts';

/** Of 50 runs: more than one answer can hold. */
const MAX_PAGES = 4;

export const pendingApprovalsResource = defineResource({
  name: 'pending_approvals',
  title: 'What waits for a person',
  description: 'Open approvals and tasks that were handed to people, and how a person answers.',
  uri: 'workflow://approvals/pending',
  mimeType: 'application/json',
  useCase: 'listInbox',
  read: async (application, context) => {
    const inbox = await readInbox(application, context);
    if (!inbox.ok) return inbox;
    const { runs, next_cursor } = inbox.value;
    const items = runs.flatMap(itemsOf);
    const isMore = next_cursor !== undefined;
    const shape = (count: number): JsonObject => ({
      waiting: items.length,
      ...((isMore || count < items.length) && {
        left_out: isMore ? `more than ${items.length - count}` : items.length - count,
        more: 'baton inbox',
      }),
      note: `Only a person can answer, at a terminal or with an operator key; no tool does. ${UNTRUSTED}`,
      items: items.slice(0, count),
    });
    return { ok: true, value: jsonContentThatFits(items.length, shape) };
  },
});

async function readInbox(
  application: Application,
  context: CallContext,
): Promise<UseCaseResult<Inbox>> {
  const runs: InboxRun[] = [];
  const unreadable: Inbox['unreadable'][number][] = [];
  let cursor: string | undefined;
  for (let looked = 0; looked < MAX_PAGES; looked += 1) {
    const page = await application.listInbox(context, { cursor });
    if (!page.ok) return page;
    runs.push(...page.value.runs);
    unreadable.push(...page.value.unreadable);
    cursor = page.value.next_cursor;
    if (cursor === undefined) return { ok: true, value: { runs, unreadable } };
  }
  return {
    ok: true,
    value: { runs, unreadable, ...(cursor !== undefined && { next_cursor: cursor }) },
  };
}

function itemsOf(run: InboxRun): JsonObject[] {
  return [
    ...run.approvals.map((approval) => approvalItem(run, approval)),
    ...run.tasks.map((task) => taskItem(run, task)),
  ];
}

function approvalItem({ run_id, workflow }: InboxRun, approval: ApprovalView): JsonObject {
  const { approval_id, question, choices, approvers, asked_by, asked_at, expires_at } = approval;
  return {
    kind: 'approval',
    run_id,
    workflow,
    approval_id,
    question: clip(question, 1_000),
    choices: [...choices],
    ...(approvers && { approvers: [...approvers] }),
    ...(asked_by !== undefined && { asked_by }),
    ...(asked_at !== undefined && { asked_at }),
    ...(expires_at !== undefined && { expires_at }),
    person_answers: `baton approve ${run_id} ${approval_id}`,
  };
}

function taskItem({ run_id, workflow }: InboxRun, task: PersonTaskView): JsonObject {
  const { step_id, person, from, handed_at, note, instructions, context } = task;
  const whole = (): string => toolCall('get_workflow', { run_id, step: step_id });
  return {
    kind: 'task',
    run_id,
    workflow,
    step_id,
    ...(person !== undefined && { person }),
    from,
    handed_at,
    ...(note !== undefined && { note: clip(note, 1_000) }),
    ...boundedField('instructions', instructions, 1_000, whole),
    ...boundedField('context', context, 1_000, whole),
    person_answers: `baton report ${run_id} ${step_id}`,
  };
}
