import { z } from 'zod';
import { approval, personTask, viewApproval } from '../approval-views.ts';
import { REST_PATH, defineRoute } from '../define-route.ts';
import { nextLink } from '../links.ts';
import { withPerson } from '../person.ts';
import { RUN_ERRORS } from '../route-errors.ts';
import { NONE, anyJson, cursorQuery, workflowParams } from '../schemas.ts';
import { answeredSchema, viewAnswered } from '../workflow-views.ts';

export const listInbox = defineRoute({
  name: 'list_inbox',
  method: 'GET',
  path: '/approvals',
  tag: 'approvals',
  summary: 'Everything that waits for people: approvals, and tasks handed to them',
  description:
    'Reads runs: who finds here what to answer has a key with runs:read beside approvals:resolve.',
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
          tasks: z.array(personTask),
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

export const answerTask = defineRoute({
  name: 'answer_task',
  method: 'POST',
  path: '/workflows/{workflow_id}/stages/{stage_id}/answer',
  tag: 'approvals',
  summary: 'What a person did with a task that was handed to people',
  description: 'The person is the one whose key the request carries, as for approvals.',
  useCase: 'answerTask',
  params: workflowParams.extend({
    stage_id: z.string().min(1).max(200).describe('Id of the step'),
  }),
  query: NONE,
  body: z.strictObject({
    resolution: z
      .enum(['completed', 'failed', 'returned'])
      .describe('returned: back to the agents it came from'),
    output: anyJson('completed: the result, as the step’s contract says').optional(),
    note: z.string().max(4_000).optional(),
  }),
  example: { resolution: 'completed', output: { approved: true }, note: 'checked by hand' },
  statuses: { 200: 'How the run stands after it; without runs:read only its status' },
  answer: ['AnsweredTask', answeredSchema],
  errors: [
    ...RUN_ERRORS,
    'already_finished',
    'history_limit',
    'invalid_input',
    'invalid_output',
    'not_an_approver',
    'not_with_a_person',
    'output_too_large',
    'person_required',
    'run_too_large',
    'stale_attempt',
    'too_many_handovers',
    'unknown_step',
  ],
  run: async (application, context, { params, body }) =>
    withPerson(context, async (person) => {
      const { workflow_id: run_id, stage_id: step_id } = params;
      const answered = await application.answerTask(context, { run_id, step_id, ...body, person });
      if (!answered.ok) return answered;
      return { ok: true, value: { status: 200, body: viewAnswered(context, answered.value) } };
    }),
});
