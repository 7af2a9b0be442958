import { z } from 'zod';
import type { ReportTaskInput } from '../../../application/agents/report-task.ts';
import { agentNameSchema } from '../../../domain/definition/agent-kind.ts';
import { defineRoute, type Route } from '../define-route.ts';
import { RUN_ERRORS, TASK_ERRORS } from '../route-errors.ts';
import { NONE, anyJson, json, next, time, waitBody } from '../schemas.ts';
import { agentId, capabilities } from './agents.ts';

const params = z.strictObject({
  task: z.string().min(1).max(1_000).describe('The word that claim_task gave, whole'),
});

const handover = z.object({
  from: z.string(),
  note: z.string().optional(),
  context: json.optional(),
});

const task = z.object({
  task: z.string().describe('Stands for the task in every report on it'),
  workflow_id: z.string(),
  type: z.string(),
  step_id: z.string(),
  attempt: z.int(),
  instructions: z.string(),
  context: json.optional(),
  output_schema: json.optional().describe('JSON Schema that the output must keep'),
  workspace: z.string(),
  lease: z.object({ expires_at: time, duration_seconds: z.int() }),
  fence: z.int(),
  idempotency_key: z.string().describe('The same over all attempts'),
  handover: handover.optional(),
  previous_error: z.object({ code: z.string(), message: z.string() }).optional(),
  last_heartbeat: json.optional().describe('What the last holder left to resume from'),
});

export const claimTask = defineRoute({
  name: 'claim_task',
  method: 'POST',
  path: '/tasks/claim',
  tag: 'tasks',
  summary: 'Wait for a task that one of your capabilities answers to',
  description:
    'The task is leased to you and renewed by every heartbeat. The same cursor again answers the same task while you hold it, so that a lost answer loses none.',
  useCase: 'claimTask',
  params: NONE,
  query: NONE,
  body: z.strictObject({
    agent_id: agentId,
    capabilities: capabilities.optional().describe('Default: as registered'),
    cursor: z.string().max(100).optional().describe('next_cursor of the last answer'),
    wait_seconds: waitBody,
  }),
  example: { agent_id: 'reviewer-1', capabilities: ['code-review'], wait_seconds: 20 },
  statuses: { 200: 'A task, or none in time' },
  answer: [
    'ClaimAnswer',
    z.object({
      agent_id: z.string(),
      capabilities: z.array(z.string()),
      task: task.optional(),
      repeated: z.literal(true).optional().describe('Was given before, to the same cursor'),
      held_back: z
        .object({ message: z.string(), next_trial_at: time })
        .optional()
        .describe('Your last tasks all failed: nothing was looked for'),
      next_cursor: z.string(),
    }),
  ],
  errors: [],
  run: async (application, context, { body }) => {
    const claimed = await application.claimTask(context, { wait_seconds: 0, ...body });
    if (!claimed.ok) return claimed;
    const { task: given, capabilities: known, held_back, ...rest } = claimed.value;
    const answer = {
      ...rest,
      capabilities: [...known],
      ...(held_back && { held_back }),
      ...(given && { task: viewTask(given) }),
    };
    return { ok: true, value: { status: 200, body: answer } };
  },
});

function viewTask<Given extends { readonly run_id: string; readonly workflow: string }>(
  given: Given,
) {
  const { run_id: workflow_id, workflow: type, ...rest } = given;
  return { ...rest, workflow_id, type };
}

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
    params,
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

export const handoffTask = defineRoute({
  name: 'handoff_task',
  method: 'POST',
  path: '/tasks/{task}/handoff',
  tag: 'tasks',
  summary: 'Give the task to another agent, to any with a capability, or to people',
  description: 'Exactly one of to_capability, to_agent and to_person. The attempt stays the same.',
  useCase: 'handoffTask',
  params,
  query: NONE,
  body: z.strictObject({
    to_capability: agentNameSchema.optional(),
    to_agent: agentNameSchema.optional(),
    to_person: z.string().trim().min(1).max(100).optional().describe('A name, or "anyone"'),
    note: message.optional().describe('What is done, what is left'),
    context: anyJson('What the next holder needs').optional(),
  }),
  example: { to_person: 'anyone', note: 'needs a decision on the licence' },
  statuses: { 200: 'Handed over' },
  answer: [
    'HandedTask',
    z.object({
      workflow_id: z.string(),
      step_id: z.string(),
      to: z.string().describe('In words'),
      duplicate: z.literal(true).optional(),
      next,
    }),
  ],
  errors: [
    ...TASK_ERRORS,
    'already_reported',
    'history_limit',
    'invalid_payload',
    'nested_too_deeply',
    'no_worker',
    'payload_too_large',
    'run_too_large',
    'too_many_handovers',
  ],
  run: async (application, context, input) => {
    const handed = await application.handoffTask(context, { ...input.params, ...input.body });
    if (!handed.ok) return handed;
    const { run_id: workflow_id, next: calls, ...rest } = handed.value;
    return { ok: true, value: { status: 200, body: { workflow_id, ...rest, next: [...calls] } } };
  },
});
