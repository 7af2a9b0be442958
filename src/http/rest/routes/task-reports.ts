import { z } from 'zod';
import type { ReportTaskInput } from '../../../application/agents/report-task.ts';
import { defineRoute, type Route } from '../define-route.ts';
import { RUN_ERRORS, TASK_ERRORS } from '../route-errors.ts';
import { NONE, anyJson, next, taskParams, time } from '../schemas.ts';

const reported = z.object({
  workflow_id: z.string(),
  step_id: z.string(),
  action: z.string(),
  duplicate: z.literal(true).optional().describe('The same report was recorded before'),
  cancelled: z.literal(true).optional().describe('Nobody wants the work any more: stop'),
  undecided: z.literal(true).optional().describe('Its effect may have begun: somebody decides'),
  lease_expires_at: time.optional().describe('While you hold it'),
  next,
});

function report<Body extends z.ZodObject>(definition: {
  readonly action: ReportTaskInput['action'];
  readonly summary: string;
  readonly body: Body;
  readonly example: z.input<Body>;
  readonly errors: Route['errors'];
  readonly inputOf: (body: z.infer<Body>) => Partial<ReportTaskInput>;
}): Route {
  const { action, summary, body: schema, example, errors, inputOf } = definition;
  return defineRoute({
    name: `${action}_task`,
    method: 'POST',
    path: `/tasks/{task}/${action}`,
    tag: 'tasks',
    summary,
    useCase: 'reportTask',
    params: taskParams,
    query: NONE,
    body: schema,
    example,
    statuses: { 200: 'Recorded' },
    answer: ['TaskReport', reported],
    errors: [...errors],
    run: async (application, context, input) => {
      const said = { ...inputOf(input.body), task: input.params.task, action };
      const answered = await application.reportTask(context, said);
      if (!answered.ok) return answered;
      const { run_id: workflow_id, next: calls, ...rest } = answered.value;
      return { ok: true, value: { status: 200, body: { workflow_id, ...rest, next: [...calls] } } };
    },
  });
}

const HOLD_ERRORS = [...RUN_ERRORS, 'unknown_task', 'lease_lost', 'payload_too_large'] as const;
const message = z.string().max(4_000);

export const heartbeatTask = report({
  action: 'heartbeat',
  summary: 'Hold the task for another lease',
  body: z.strictObject({
    message: message.optional().describe('Progress, in words'),
    payload: anyJson('What the next holder should resume from').optional(),
  }),
  example: { message: 'half of the files read', payload: { next_file: 12 } },
  errors: [...HOLD_ERRORS, 'invalid_payload'],
  inputOf: (body) => body,
});

export const completeTask = report({
  action: 'complete',
  summary: 'Record the result; one that breaks the contract is refused and the task kept',
  body: z.strictObject({ output: anyJson('The result, as output_schema says').optional() }),
  example: { output: { findings: [] } },
  errors: [
    ...TASK_ERRORS,
    'already_reported',
    'contract_violation',
    'invalid_output',
    'output_too_large',
  ],
  inputOf: (body) => body,
});

export const failTask = report({
  action: 'fail',
  summary: 'Record that the attempt failed; the step’s policy says whether it is tried again',
  body: z.strictObject({
    code: z
      .string()
      .regex(/^[a-z][a-z0-9_]*$/)
      .max(100)
      .optional()
      .describe('Default agent_failed'),
    message: message.optional(),
  }),
  example: { code: 'tests_red', message: '3 of 120 tests fail' },
  errors: [...TASK_ERRORS, 'already_reported'],
  inputOf: (body) => body,
});

export const releaseTask = report({
  action: 'release',
  summary: 'Give the task back, for any agent to take',
  body: z.strictObject({ payload: anyJson('What the next holder should resume from').optional() }),
  example: { payload: { next_file: 12 } },
  errors: [...HOLD_ERRORS, 'already_finished', 'invalid_payload'],
  inputOf: (body) => body,
});
