import { z } from 'zod';
import { defineRoute } from '../define-route.ts';
import { nextLink, workflowPath } from '../links.ts';
import { RUN_ERRORS } from '../route-errors.ts';
import {
  NONE,
  error,
  next,
  reason,
  runStatus,
  step,
  time,
  wholeNumber,
  workflowParams,
} from '../schemas.ts';

export const getWorkflowHistory = defineRoute({
  name: 'get_workflow_history',
  method: 'GET',
  path: '/workflows/{workflow_id}/history',
  tag: 'workflows',
  summary: 'What happened, in order: numbered from 1 without gaps, never changed',
  useCase: 'getWorkflowHistory',
  params: workflowParams,
  query: z.strictObject({
    from: wholeNumber(1, 999_999_999, 'First event; default 1').optional(),
    limit: wholeNumber(1, 100, 'Default 50').optional(),
  }),
  body: NONE,
  statuses: { 200: 'A page of events' },
  answer: [
    'History',
    z.object({
      workflow_id: z.string(),
      events: z.array(
        z.object({
          sequence: z.int(),
          at: time,
          type: z.string(),
          actor: z.string(),
          text: z.string(),
        }),
      ),
      total: z.int().describe('Events in all, so far'),
      next_from: z.int().optional(),
    }),
  ],
  headers: { Link: 'rel="next": the next page (RFC 8288); none on the last' },
  errors: RUN_ERRORS,
  run: async (application, context, { params, query }) => {
    const { workflow_id } = params;
    const read = await application.getWorkflowHistory(context, { run_id: workflow_id, ...query });
    if (!read.ok) return read;
    const { events, total, next_from } = read.value;
    const link = { ...query, from: next_from };
    const path = `${workflowPath(workflow_id)}/history`;
    return {
      ok: true,
      value: {
        status: 200,
        headers: nextLink(path, link, next_from === undefined),
        body: {
          workflow_id,
          events: [...events],
          total,
          ...(next_from !== undefined && { next_from }),
        },
      },
    };
  },
});

const MERMAID = 'text/vnd.mermaid';

export const getWorkflowGraph = defineRoute({
  name: 'get_workflow_graph',
  method: 'GET',
  path: '/workflows/{workflow_id}/graph',
  tag: 'workflows',
  summary: 'Flowchart of a run, coloured by how its steps stand',
  useCase: 'getWorkflowGraph',
  params: workflowParams,
  query: NONE,
  body: NONE,
  statuses: { 200: 'The chart' },
  answer: [
    'Graph',
    z.object({
      workflow_id: z.string(),
      graph: z.string().describe('Mermaid'),
      shown_steps: z.int().describe('A large one is cut at what renderers accept'),
      total_steps: z.int(),
    }),
  ],
  otherType: MERMAID,
  errors: RUN_ERRORS,
  run: async (application, context, { params }) => {
    const read = await application.getWorkflowGraph(context, { run_id: params.workflow_id });
    if (!read.ok) return read;
    const { run_id: workflow_id, ...chart } = read.value;
    return context.accepted === MERMAID
      ? { ok: true, value: { status: 200, content: chart.graph } }
      : { ok: true, value: { status: 200, body: { workflow_id, ...chart } } };
  },
});

export const explainWorkflow = defineRoute({
  name: 'explain_workflow',
  method: 'GET',
  path: '/workflows/{workflow_id}/explanation',
  tag: 'workflows',
  summary: 'Why a run is where it is, and what moves it on',
  useCase: 'explainWorkflow',
  params: workflowParams,
  query: NONE,
  body: NONE,
  statuses: { 200: 'The explanation' },
  answer: [
    'Explanation',
    z.object({
      workflow_id: z.string(),
      status: runStatus,
      headline: z.string(),
      reasons: z.array(reason).describe('Of every open step; those that need somebody first'),
      failures: z.array(step),
      error: error.optional(),
      next,
    }),
  ],
  errors: RUN_ERRORS,
  run: async (application, context, { params }) => {
    const explained = await application.explainWorkflow(context, { run_id: params.workflow_id });
    if (!explained.ok) return explained;
    const { run_id, status, headline, reasons, failures, error: why } = explained.value;
    const body = {
      workflow_id: run_id,
      status,
      headline,
      reasons: [...reasons],
      failures: [...failures],
      ...(why && { error: why }),
      next: [...explained.value.next],
    };
    return { ok: true, value: { status: 200, body } };
  },
});
