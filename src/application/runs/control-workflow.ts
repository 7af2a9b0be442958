import { z } from 'zod';
import type { CancelWorkflow, PauseWorkflow, ResumeWorkflow } from '../../domain/commands.ts';
import { idempotencyKeySchema, reasonSchema, runIdSchema } from '../call-arguments.ts';
import { sendCommand, type CommandAnswer } from '../commands/client-command.ts';
import { translatingErrors } from '../commands/outcome-error.ts';
import type { ApplicationPorts, UseCase } from '../use-case.ts';

/** Cancel, pause and resume ask the same of a caller. */
export const controlInputSchema = z.object({
  run_id: runIdSchema,
  reason: reasonSchema.describe('Kept in the history'),
  idempotency_key: idempotencyKeySchema,
});
export type ControlInput = z.infer<typeof controlInputSchema>;

type Control = CancelWorkflow | PauseWorkflow | ResumeWorkflow;

/** Durable when it answers; asking for what already holds changes nothing and is no error. */
export function createControl(
  ports: ApplicationPorts,
  type: Control['type'],
): UseCase<ControlInput, CommandAnswer> {
  return (context, input) =>
    translatingErrors('unknown', async () => {
      const { reason } = input;
      const command: Control = { type, ...(reason !== undefined && { reason }) };
      const sent = await sendCommand(ports, context, input, command);
      return sent.ok ? { ok: true, value: sent.value.answer } : sent;
    });
}
