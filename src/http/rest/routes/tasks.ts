import { z } from 'zod';
import { agentNameSchema } from '../../../domain/definition/agent-kind.ts';
import { defineRoute } from '../define-route.ts';
import { TASK_ERRORS } from '../route-errors.ts';
import { NONE, anyJson, json, next, taskParams, time, waitBody } from '../schemas.ts';
import { agentId, capabilities } from './agents.ts';

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

export const handoffTask = defineRoute({
  name: 'handoff_task',
  method: 'POST',
  path: '/tasks/{task}/handoff',
  tag: 'tasks',
  summary: 'Give the task to another agent, to any with a capability, or to people',
  description: 'Exactly one of to_capability, to_agent and to_person. The attempt stays the same.',
  useCase: 'handoffTask',
  params: taskParams,
  query: NONE,
  body: z.strictObject({
    to_capability: agentNameSchema.optional(),
    to_agent: agentNameSchema.optional(),
    to_person: z.string().trim().min(1).max(100).optional().describe('A name, or "anyone"'),
    note: z.string().max(4_000).optional().describe('What is done, what is left'),
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
