import { z } from 'zod';
import { RUN_STATUSES } from '../../../domain/lifecycle.ts';
import { prioritySchema } from '../../../domain/priority.ts';
import { defineRoute } from '../define-route.ts';
import { nextLink, workflowPath } from '../links.ts';
import { REST_PATH } from '../define-route.ts';
import { RUN_ERRORS } from '../route-errors.ts';
import {
  MAX_PAGE,
  NONE,
  cursorQuery,
  jsonObject,
  waitBody,
  waitQuery,
  wholeNumber,
  workflowParams,
} from '../schemas.ts';
import {
  listedSchema,
  startedSchema,
  viewListed,
  viewSummary,
  viewWorkflow,
  workflowSchema,
} from '../workflow-views.ts';

export const startWorkflow = defineRoute({
  name: 'start_workflow',
  method: 'POST',
  path: '/workflows',
  tag: 'workflows',
  summary: 'Start a run of a registered workflow',
  description:
    'Answers once the run is durable. With an Idempotency-Key the same request again answers the same run.',
  useCase: 'startWorkflow',
  params: NONE,
  query: NONE,
  body: z.strictObject({
    type: z.string().min(1).max(500).describe('Registered name, or name@version'),
    input: jsonObject('What its input schema asks for').optional(),
    priority: prioritySchema.optional().describe('Of its queued steps; default normal'),
    wait_seconds: waitBody,
  }),
  example: { type: 'review', input: { branch: 'main' } },
  takesIdempotencyKey: true,
  statuses: { 201: 'Started', 200: 'Was started before, by the same request' },
  answer: ['StartedWorkflow', startedSchema],
  headers: { Location: 'Path of the run' },
  errors: [
    'unknown_workflow',
    'invalid_input',
    'idempotency_key_reused',
    'payload_too_large',
    'run_unreadable',
  ],
  run: async (application, { idempotencyKey, ...context }, { body }) => {
    const { type: workflow, input, priority, wait_seconds } = body;
    const started = await application.startWorkflow(context, {
      workflow,
      input,
      priority,
      wait_seconds,
      idempotency_key: idempotencyKey,
    });
    if (!started.ok) return started;
    const { duplicate, attention, next } = started.value;
    return {
      ok: true,
      value: {
        status: duplicate ? 200 : 201,
        headers: { location: workflowPath(started.value.run_id) },
        body: {
          ...viewSummary(started.value),
          ...(duplicate && { duplicate }),
          attention: [...attention],
          next: [...next],
        },
      },
    };
  },
});

export const listWorkflows = defineRoute({
  name: 'list_workflows',
  method: 'GET',
  path: '/workflows',
  tag: 'workflows',
  summary: 'Runs, newest start first',
  useCase: 'listWorkflows',
  params: NONE,
  query: z.strictObject({
    status: z.enum(RUN_STATUSES).exclude(['pending']).optional(),
    type: z.string().min(1).max(500).optional().describe('Only runs of this workflow'),
    limit: wholeNumber(1, MAX_PAGE, 'Default 20').optional(),
    cursor: cursorQuery,
  }),
  body: NONE,
  statuses: { 200: 'A page of them' },
  answer: [
    'WorkflowList',
    z.object({ workflows: z.array(listedSchema), next_cursor: z.string().optional() }),
  ],
  headers: { Link: 'rel="next": the next page (RFC 8288); none on the last' },
  errors: ['invalid_cursor'],
  run: async (application, context, { query }) => {
    const { type, ...rest } = query;
    const listed = await application.listWorkflows(context, { ...rest, workflow: type });
    if (!listed.ok) return listed;
    const { runs, next_cursor } = listed.value;
    const link = { ...query, cursor: next_cursor };
    return {
      ok: true,
      value: {
        status: 200,
        headers: nextLink(`${REST_PATH}/workflows`, link, next_cursor === undefined),
        body: {
          workflows: runs.map(viewListed),
          ...(next_cursor !== undefined && { next_cursor }),
        },
      },
    };
  },
});

export const getWorkflow = defineRoute({
  name: 'get_workflow',
  method: 'GET',
  path: '/workflows/{workflow_id}',
  tag: 'workflows',
  summary: 'A run as its history has it',
  description:
    'The answer follows from the history alone: one ETag, one answer. With wait_seconds it is held back until the run is finished or needs somebody, and says in attention what it needs (the ETag, which does not cover that, is weak); with If-None-Match too, until the run has changed at all.',
  useCase: 'getWorkflowState',
  params: workflowParams,
  query: z.strictObject({ wait_seconds: waitQuery }),
  body: NONE,
  statuses: { 200: 'The run', 304: 'It is as If-None-Match says' },
  answer: ['Workflow', workflowSchema],
  headers: { ETag: 'Version of the run' },
  reads: { 'If-None-Match': 'ETag of an earlier answer, or `*`: any' },
  errors: RUN_ERRORS,
  run: async (application, context, { params, query }) => {
    const condition = context.header('if-none-match');
    const known = etagsOf(condition);
    const isAnyKnown = condition?.trim() === '*';
    const read = await application.getWorkflowState(context, {
      run_id: params.workflow_id,
      // A change would not alter the answer: any version is known.
      wait_seconds: isAnyKnown ? undefined : query.wait_seconds,
      known_version: known.length === 1 ? known[0] : undefined,
    });
    if (!read.ok) return read;
    const tag = `"${read.value.version}"`;
    // Beside attention, which no version covers, it promises less (RFC 9110, 8.8.1).
    const headers = { etag: read.value.attention === undefined ? tag : `W/${tag}` };
    if (isAnyKnown || known.includes(read.value.version))
      return { ok: true, value: { status: 304, headers } };
    return { ok: true, value: { status: 200, headers, body: viewWorkflow(read.value) } };
  },
});

/** Versions among the entity tags of the header, weak ones too: what is compared is the same (RFC 9110, 13.1.2). */
function etagsOf(header = ''): number[] {
  return [...header.matchAll(/"(\d{1,9})"/g)].map(([, version]) => Number(version));
}
