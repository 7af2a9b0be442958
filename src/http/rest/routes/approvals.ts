import { z } from 'zod';
import { approval, viewApproval } from '../approval-views.ts';
import { defineRoute } from '../define-route.ts';
import { workflowPath } from '../links.ts';
import { withPerson } from '../person.ts';
import { RUN_ERRORS } from '../route-errors.ts';
import { NONE, waitBody, workflowParams } from '../schemas.ts';
import { answeredSchema, viewAnswered } from '../workflow-views.ts';

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
  statuses: { 200: 'How the run stands after it; without runs:read only its status' },
  answer: ['ResolvedApproval', answeredSchema.extend({ approval_id: z.string() })],
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
  run: async (application, context, { params, body }) =>
    withPerson(context, async (person) => {
      const { workflow_id: run_id, approval_id } = params;
      const wish = { run_id, approval_id, ...body, person };
      const resolved = await application.resolveApproval(context, wish);
      if (!resolved.ok) return resolved;
      const answer = { ...viewAnswered(context, resolved.value), approval_id };
      return { ok: true, value: { status: 200, body: answer } };
    }),
});
