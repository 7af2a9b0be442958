import { z } from 'zod';
import type { ApprovalView } from '../../../application/people/approval-view.ts';
import { personOfKey, type Person } from '../../../application/people/person.ts';
import { REST_PATH, defineRoute } from '../define-route.ts';
import { nextLink, workflowPath } from '../links.ts';
import { RUN_ERRORS } from '../route-errors.ts';
import { NONE, cursorQuery, json, time, waitBody, workflowParams } from '../schemas.ts';
import { commandSchema, viewCommand } from '../workflow-views.ts';

const approval = z.object({
  approval_id: z.string(),
  status: z.enum(['waiting', 'chosen', 'rejected', 'expired', 'withdrawn']),
  question: z.string(),
  choices: z.array(z.string()),
  approvers: z.array(z.string()).optional().describe('Absent: anyone'),
  asked_at: time.optional(),
  expires_at: time.optional(),
  asked_by: z.string().optional().describe('An agent; absent: the workflow'),
  step_id: z.string().optional(),
  choice: z.string().optional(),
  answered_by: z.string().optional(),
  comment: z.string().optional(),
});

/** What more an answer of a use case has is for those who call tools. */
function viewApproval(view: ApprovalView): z.infer<typeof approval> {
  return approval.parse(view);
}

export const listApprovals = defineRoute({
  name: 'list_approvals',
  method: 'GET',
  path: '/workflows/{workflow_id}/approvals',
  tag: 'approvals',
  summary: 'Open approvals of a run, and all that agents asked for in it',
  useCase: 'getWorkflow',
  params: workflowParams,
  query: NONE,
  body: NONE,
  statuses: { 200: 'The approvals' },
  answer: ['ApprovalList', z.object({ workflow_id: z.string(), approvals: z.array(approval) })],
  errors: RUN_ERRORS,
  run: async (application, context, { params }) => {
    const read = await application.getWorkflow(context, { run_id: params.workflow_id });
    if (!read.ok) return read;
    const approvals = read.value.approvals.map(viewApproval);
    return { ok: true, value: { status: 200, body: { ...params, approvals } } };
  },
});

const shortText = z.string().trim().min(1).max(100);

export const requestApproval = defineRoute({
  name: 'request_approval',
  method: 'POST',
  path: '/workflows/{workflow_id}/approvals',
  tag: 'approvals',
  summary: 'Ask people in the course of a run; only a person can answer',
  useCase: 'requestApproval',
  params: workflowParams,
  query: NONE,
  body: z.strictObject({
    question: z.string().trim().min(1).max(4_000).describe('With what they need to know'),
    choices: z.array(shortText).min(1).max(20).optional().describe('Default: approve'),
    approvers: z.array(shortText).max(100).optional().describe('Default: anyone'),
    step_id: z.string().min(1).max(200).optional().describe('The step you work on'),
    expires_seconds: z.int().min(1).max(2_592_000).optional(),
    wait_seconds: waitBody,
  }),
  example: { question: 'Deploy main?', choices: ['yes', 'tomorrow'] },
  takesIdempotencyKey: true,
  statuses: { 201: 'Asked; how it stands' },
  answer: ['RequestedApproval', approval.extend({ workflow_id: z.string() })],
  headers: { Location: 'Path of the approval' },
  errors: [
    ...RUN_ERRORS,
    'already_finished',
    'cancelling',
    'history_limit',
    'idempotency_key_reused',
    'too_many_approvals',
    'unknown_step',
  ],
  run: async (application, { idempotencyKey, ...context }, { params, body }) => {
    const run_id = params.workflow_id;
    const asked = await application.requestApproval(context, {
      run_id,
      wait_seconds: 0,
      ...body,
      idempotency_key: idempotencyKey,
    });
    if (!asked.ok) return asked;
    const location = `${workflowPath(run_id)}/approvals/${encodeURIComponent(asked.value.approval_id)}`;
    const answer = { workflow_id: run_id, ...viewApproval(asked.value) };
    return { ok: true, value: { status: 201, headers: { location }, body: answer } };
  },
});

export const resolveApproval = defineRoute({
  name: 'resolve_approval',
  method: 'POST',
  path: '/workflows/{workflow_id}/approvals/{approval_id}',
  tag: 'approvals',
  summary: 'A person’s answer',
  description:
    'The person is the one whose key the request carries, under the key’s name; a request without a key is of nobody known and is refused, on loopback too. Of two answers at once the first is recorded.',
  useCase: 'resolveApproval',
  params: workflowParams.extend({ approval_id: z.string().min(1).max(200) }),
  query: NONE,
  body: z.strictObject({
    resolution: z.enum(['chosen', 'rejected']),
    choice: z.string().min(1).max(100).optional().describe('Needed where there are several'),
    comment: z.string().max(4_000).optional().describe('Kept in the history'),
  }),
  example: { resolution: 'chosen', choice: 'approve' },
  statuses: { 200: 'How the run stands after it' },
  answer: ['ResolvedApproval', commandSchema.extend({ approval_id: z.string() })],
  errors: [
    ...RUN_ERRORS,
    'already_finished',
    'approval_expired',
    'approval_resolved',
    'cancelling',
    'not_an_approver',
    'person_required',
    'unknown_approval',
    'unknown_choice',
  ],
  run: async (application, context, { params, body }) => {
    if (context.caller.key === undefined) return PERSON_REQUIRED;
    const { workflow_id: run_id, approval_id } = params;
    const person = personOfKey(context.caller) ?? NOBODY;
    const wish = { run_id, approval_id, ...body, person };
    const resolved = await application.resolveApproval(context, wish);
    if (!resolved.ok) return resolved;
    return {
      ok: true,
      value: { status: 200, body: { ...viewCommand(resolved.value), approval_id } },
    };
  },
});

/** A key without the scope is refused by the use case, which says so. */
const NOBODY: Person = { name: '', via: 'operator_key' };

/** As at the command line where there is no terminal: only a key says who somebody is. */
const PERSON_REQUIRED = {
  ok: false,
  error: {
    code: 'person_required',
    message: 'Only a person answers this, and a request without a key does not say who it is of.',
    changed: 'nothing',
    next: 'Send the person’s own key as Authorization: Bearer …; or answer at a terminal: baton inbox.',
  },
} as const;

export const listInbox = defineRoute({
  name: 'list_inbox',
  method: 'GET',
  path: '/approvals',
  tag: 'approvals',
  summary: 'Everything that waits for people: approvals, and tasks handed to them',
  useCase: 'listInbox',
  params: NONE,
  query: z.strictObject({
    person: z.string().min(1).max(100).optional().describe('Only what this person may answer'),
    cursor: cursorQuery,
  }),
  body: NONE,
  statuses: { 200: 'A page of runs in which something waits; newest first' },
  answer: [
    'Inbox',
    z.object({
      workflows: z.array(
        z.object({
          workflow_id: z.string(),
          type: z.string(),
          status: z.string(),
          approvals: z.array(approval),
          tasks: z.array(
            z.object({
              step_id: z.string(),
              person: z.string().optional().describe('Absent: anyone'),
              from: z.string(),
              handed_at: time,
              instructions: json,
              note: z.string().optional(),
              context: json.optional(),
            }),
          ),
        }),
      ),
      unreadable: z.array(z.object({ workflow_id: z.string(), message: z.string() })),
      next_cursor: z.string().optional(),
    }),
  ],
  headers: { Link: 'rel="next": the next page (RFC 8288); none on the last' },
  errors: ['invalid_cursor'],
  run: async (application, context, { query }) => {
    const listed = await application.listInbox(context, query);
    if (!listed.ok) return listed;
    const { runs, unreadable, next_cursor } = listed.value;
    const link = { ...query, cursor: next_cursor };
    const workflows = runs.map(({ run_id, workflow, approvals, tasks, ...rest }) => ({
      workflow_id: run_id,
      type: workflow,
      ...rest,
      approvals: approvals.map(viewApproval),
      tasks: [...tasks],
    }));
    return {
      ok: true,
      value: {
        status: 200,
        headers: nextLink(`${REST_PATH}/approvals`, link, next_cursor === undefined),
        body: {
          workflows,
          unreadable: unreadable.map(({ run_id, message }) => ({ workflow_id: run_id, message })),
          ...(next_cursor !== undefined && { next_cursor }),
        },
      },
    };
  },
});
