import { z } from 'zod';
import {
  DEFAULT_CHOICES,
  choicesSchema,
  questionSchema,
} from '../../domain/definition/approval-kind.ts';
import { MAX_APPROVERS, MAX_CHOICES } from '../../domain/limits.ts';
import { approvalsOf, type ApprovalView } from './approval-view.ts';
import {
  MAX_WAIT_SECONDS,
  digestOf,
  idempotencyKeySchema,
  nameListSchema,
  runIdSchema,
  wholeNumberSchema,
} from '../call-arguments.ts';
import { clientCommandId, recordCommand } from '../commands/client-command.ts';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import { readSituation } from '../runs/run-situation.ts';
import { toolCall } from '../tool-call.ts';
import { newCursor } from '../new-cursor.ts';
import type { ApplicationPorts, CallContext, UseCase, UseCaseResult } from '../use-case.ts';
import { waitForRun } from '../runs/wait-for-run.ts';

const DEFAULT_WAIT_SECONDS = 20;
const MAX_EXPIRES_SECONDS = 30 * 86_400;
const shortText = z.string().trim().min(1).max(100);

export const requestApprovalInputSchema = z.object({
  run_id: runIdSchema,
  question: questionSchema
    .optional()
    .describe('What a person is to decide, with what they need to know'),
  choices: nameListSchema(shortText, MAX_CHOICES).optional().describe('Default: approve'),
  approvers: nameListSchema(shortText, MAX_APPROVERS).optional().describe('Default: anyone'),
  step_id: z.string().min(1).optional().describe('The step you work on'),
  expires_seconds: wholeNumberSchema(1, MAX_EXPIRES_SECONDS).optional(),
  approval_id: z.string().min(1).optional().describe('Only wait for the answer to this one'),
  wait_seconds: wholeNumberSchema(0, MAX_WAIT_SECONDS)
    .optional()
    .describe(`Default ${DEFAULT_WAIT_SECONDS}`),
  cursor: z.string().max(100).optional().describe('next_cursor of the last answer'),
  idempotency_key: idempotencyKeySchema,
});
export type RequestApprovalInput = z.infer<typeof requestApprovalInputSchema>;

export interface RequestedApproval extends ApprovalView {
  readonly run_id: string;
  readonly next_cursor: string;
  readonly next: readonly string[];
}

/**
 * Asks people in the course of a run, durably, and waits for the answer as long as one call may; with `approval_id` it
 * only waits. Only a person can answer: the caller cannot, and time alone can only let it expire.
 */
export function createRequestApproval(
  ports: ApplicationPorts,
): UseCase<RequestApprovalInput, RequestedApproval> {
  return (context, input) =>
    translatingErrors<RequestedApproval>('unknown', async () => {
      const asked = input.approval_id ?? (await ask(ports, context, input));
      if (typeof asked !== 'string') return asked;
      return waitForAnswer(ports, context, input, asked);
    });
}

/** The id of the approval, which a repetition of the request gets again. */
async function ask(
  ports: ApplicationPorts,
  context: CallContext,
  input: RequestApprovalInput,
): Promise<string | Extract<UseCaseResult<never>, { ok: false }>> {
  const { question, approvers, expires_seconds, step_id, idempotency_key } = input;
  const choices = choicesSchema.safeParse(input.choices ?? DEFAULT_CHOICES);
  if (question === undefined || !choices.success)
    return failure({
      code: 'invalid_arguments',
      message: choices.success
        ? 'question: is required (or approval_id, to wait for one that was asked)'
        : `choices: ${choices.error.issues[0]?.message ?? 'are not acceptable'}`,
      changed: 'nothing',
      next: 'Correct it and call again.',
    });
  const commandId = clientCommandId(ports.ids, idempotency_key);
  // A repetition finds the approval that the first request made.
  const approvalId = `ask:${digestOf(commandId).slice(0, 8)}` as const;
  const command = {
    type: 'RequestApproval',
    ask: { question, choices: choices.data, ...(approvers?.length && { approvers }) },
    by: context.actor,
    ...(expires_seconds !== undefined && { expiresMs: expires_seconds * 1_000 }),
    ...(step_id !== undefined && { step: step_id }),
  } as const;
  const asked = { ...command, approvalId };
  const recorded = await recordCommand(ports, context, input, asked, { commandId });
  return recorded.ok ? approvalId : recorded;
}

async function waitForAnswer(
  ports: ApplicationPorts,
  context: CallContext,
  { run_id, wait_seconds = DEFAULT_WAIT_SECONDS }: RequestApprovalInput,
  approvalId: string,
): Promise<UseCaseResult<RequestedApproval>> {
  const key = { tenant: context.tenant, runId: run_id };
  const look = async (): Promise<UseCaseResult<RequestedApproval>> => {
    const situation = await readSituation(ports, key);
    if (!situation.ok) return situation;
    const found = approvalsOf(situation.value).find((one) => one.approval_id === approvalId);
    return found ? answer(ports, run_id, found) : unknownApproval(run_id, approvalId);
  };
  const settled = await waitForRun(ports, {
    key,
    untilMs: ports.clock.now() + wait_seconds * 1_000,
    signal: context.signal,
    look: async () => {
      const seen = await look();
      return !seen.ok || seen.value.status !== 'waiting' ? seen : undefined;
    },
  });
  return settled ?? look();
}

function answer(
  ports: ApplicationPorts,
  run_id: string,
  approval: ApprovalView,
): UseCaseResult<RequestedApproval> {
  const { approval_id, status } = approval;
  const next_cursor = newCursor(ports);
  const again = toolCall('request_approval', { run_id, approval_id, cursor: next_cursor });
  const next =
    status === 'waiting' ? [again, `a person answers: baton approve ${run_id} ${approval_id}`] : [];
  return { ok: true, value: { run_id, ...approval, next_cursor, next } };
}

function unknownApproval(run_id: string, approvalId: string): UseCaseResult<never> {
  return failure({
    code: 'unknown_approval',
    message: `No agent asked for an approval "${approvalId}" in this run.`,
    changed: 'nothing',
    next: toolCall('explain_workflow', { run_id }),
  });
}
