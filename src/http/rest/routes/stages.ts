import { z } from 'zod';
import { defineRoute } from '../define-route.ts';
import { nextLink, workflowPath } from '../links.ts';
import { RUN_ERRORS } from '../route-errors.ts';
import { NONE, json, step, wholeNumber, workflowParams } from '../schemas.ts';

const MAX_STAGES = 500;

export const listStages = defineRoute({
  name: 'list_stages',
  method: 'GET',
  path: '/workflows/{workflow_id}/stages',
  tag: 'workflows',
  summary: 'How every step of a run stands, in the order of the definition',
  useCase: 'getWorkflow',
  params: workflowParams,
  query: z.strictObject({
    offset: wholeNumber(0, 100_000, 'Steps to pass over; default 0').optional(),
    limit: wholeNumber(1, MAX_STAGES, 'Default 100').optional(),
  }),
  body: NONE,
  statuses: { 200: 'A page of them' },
  answer: [
    'StageList',
    z.object({
      workflow_id: z.string(),
      stages: z.array(step),
      total: z.int(),
      next_offset: z.int().optional(),
    }),
  ],
  headers: { Link: 'rel="next": the next page (RFC 8288); none on the last' },
  errors: RUN_ERRORS,
  run: async (application, context, { params, query }) => {
    const { workflow_id } = params;
    const read = await application.getWorkflow(context, { run_id: workflow_id });
    if (!read.ok) return read;
    const { offset = 0, limit = 100 } = query;
    const { steps } = read.value;
    const end = offset + limit;
    const isLast = end >= steps.length;
    return {
      ok: true,
      value: {
        status: 200,
        headers: nextLink(`${workflowPath(workflow_id)}/stages`, { offset: end, limit }, isLast),
        body: {
          workflow_id,
          stages: steps.slice(offset, end),
          total: steps.length,
          ...(!isLast && { next_offset: end }),
        },
      },
    };
  },
});

const stageDetail = step.extend({
  workflow_id: z.string(),
  output: json.optional(),
  input: json.optional().describe('Evaluated `with` of the present attempt'),
  error_details: json.optional(),
  task: z
    .object({
      output_schema: json.optional(),
      handover: z
        .object({ from: z.string(), note: z.string().optional(), context: json.optional() })
        .optional(),
      last_heartbeat: json.optional(),
    })
    .optional()
    .describe('Of an agent’s task that is open'),
});

export const getStage = defineRoute({
  name: 'get_stage',
  method: 'GET',
  path: '/workflows/{workflow_id}/stages/{stage_id}',
  tag: 'workflows',
  summary: 'One step of a run with its whole output',
  useCase: 'getWorkflow',
  params: workflowParams.extend({
    stage_id: z.string().min(1).max(200).describe('Id of the step'),
  }),
  query: NONE,
  body: NONE,
  statuses: { 200: 'The step' },
  answer: ['Stage', stageDetail],
  errors: [...RUN_ERRORS, 'unknown_step'],
  run: async (application, context, { params }) => {
    const { workflow_id, stage_id } = params;
    const read = await application.getWorkflow(context, { run_id: workflow_id, step: stage_id });
    if (!read.ok) return read;
    const { step: found } = read.value;
    if (found === undefined) return unknownStage(stage_id);
    return { ok: true, value: { status: 200, body: { workflow_id, ...found } } };
  },
});

/** `$run` stands for the run itself where steps are read, and is none. */
function unknownStage(id: string) {
  return {
    ok: false,
    error: {
      code: 'unknown_step',
      message: `The workflow has no step "${id}".`,
      changed: 'nothing',
      next: 'list_stages lists the steps.',
    },
  } as const;
}
