import { z } from 'zod';
import { defineRoute, type Route } from '../define-route.ts';
import { COMMAND_ERRORS } from '../route-errors.ts';
import { NONE, anyJson, workflowParams } from '../schemas.ts';
import { commandSchema, viewCommand } from '../workflow-views.ts';

const reason = z.string().max(1_000).optional().describe('Kept in the history');

function control(
  name: 'pause' | 'resume' | 'cancel',
  summary: string,
  errors: Route['errors'],
): Route {
  const useCase = `${name}Workflow` as const;
  return defineRoute({
    name: `${name}_workflow`,
    method: 'POST',
    path: `/workflows/{workflow_id}/${name}`,
    tag: 'workflows',
    summary,
    description: 'Durable when it answers. Asking for what already holds changes nothing.',
    useCase,
    params: workflowParams,
    query: NONE,
    body: z.strictObject({ reason }),
    example: { reason: 'release freeze' },
    takesIdempotencyKey: true,
    statuses: { 200: 'How the run stands after it' },
    answer: ['CommandAnswer', commandSchema],
    errors: [...COMMAND_ERRORS, ...errors],
    run: async (application, { idempotencyKey, ...context }, { params, body }) => {
      const answered = await application[useCase](context, {
        run_id: params.workflow_id,
        reason: body.reason,
        idempotency_key: idempotencyKey,
      });
      if (!answered.ok) return answered;
      return { ok: true, value: { status: 200, body: viewCommand(answered.value) } };
    },
  });
}

export const pauseWorkflow = control(
  'pause',
  'Hold a run: what runs finishes, nothing else starts',
  ['cancelling', 'history_limit'],
);
export const resumeWorkflow = control('resume', 'Let a paused run go on', ['cancelling']);
export const cancelWorkflow = control('cancel', 'Ask running steps to stop, and end the run', []);

export const signalWorkflow = defineRoute({
  name: 'signal_workflow',
  method: 'POST',
  path: '/workflows/{workflow_id}/signal',
  tag: 'workflows',
  summary: 'Send a named signal, or decide on a step whose outcome is unknown',
  description:
    'Give name (and payload) for a signal; step_id and resolution for a decision. Durable when it answers.',
  useCase: 'signalWorkflow',
  params: workflowParams,
  query: NONE,
  body: z.strictObject({
    name: z.string().min(1).max(200).optional(),
    payload: anyJson('Becomes the output of the step').optional(),
    step_id: z.string().min(1).max(200).optional(),
    resolution: z.enum(['retry', 'completed', 'failed']).optional(),
    reason,
  }),
  example: { name: 'deployed', payload: { ref: 'main' } },
  takesIdempotencyKey: true,
  statuses: { 200: 'How the run stands after it' },
  answer: ['SignalAnswer', commandSchema.extend({ effect: z.string().describe('In words') })],
  errors: [
    ...COMMAND_ERRORS,
    'cancelling',
    'history_limit',
    'invalid_input',
    'run_too_large',
    'signal_buffer_full',
    'step_not_waiting_for_decision',
    'unknown_step',
  ],
  run: async (application, { idempotencyKey, ...context }, { params, body }) => {
    const input = { run_id: params.workflow_id, ...body, idempotency_key: idempotencyKey };
    const signalled = await application.signalWorkflow(context, input);
    if (!signalled.ok) return signalled;
    const { effect } = signalled.value;
    return { ok: true, value: { status: 200, body: { ...viewCommand(signalled.value), effect } } };
  },
});
