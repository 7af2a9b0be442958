import { z } from 'zod';
import type { ResolveStep, SignalWorkflow } from '../../domain/commands.ts';
import { isJsonObject } from '../../domain/json.ts';
import { MAX_PAYLOAD_BYTES } from '../../domain/limits.ts';
import { nearestName } from '../../domain/definition/nearest-name.ts';
import type { Plan } from '../../domain/plan.ts';
import {
  checkJson,
  idempotencyKeySchema,
  jsonValueSchema,
  reasonSchema,
  runIdSchema,
} from '../call-arguments.ts';
import { sendCommand, type CommandAnswer } from '../commands/client-command.ts';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import type { ApplicationPorts, UseCase, UseCaseResult } from '../use-case.ts';

export const signalWorkflowInputSchema = z.object({
  run_id: runIdSchema,
  name: z.string().min(1).max(200).optional().describe('Of the signal'),
  payload: jsonValueSchema('Becomes the output of the step').optional(),
  step_id: z.string().min(1).optional().describe('With resolution: the step to decide on'),
  resolution: z.enum(['retry', 'completed', 'failed']).optional(),
  reason: reasonSchema,
  idempotency_key: idempotencyKeySchema,
});
export type SignalWorkflowInput = z.infer<typeof signalWorkflowInputSchema>;

export interface SignalledWorkflow extends CommandAnswer {
  /** What became of the signal or decision, in words. */
  readonly effect: string;
}

/**
 * Sends a named signal, which wakes the first step that waits for it or is kept for one to come; or, with `step_id`
 * and `resolution`, decides what became of an unsafe step whose outcome is unknown. Durable when it answers.
 */
export function createSignalWorkflow(
  ports: ApplicationPorts,
): UseCase<SignalWorkflowInput, SignalledWorkflow> {
  return (context, input) =>
    translatingErrors('unknown', async () => {
      const command = commandOf(input);
      if (!command.ok) return command;
      const sent = await sendCommand(ports, context, input, command.value);
      if (!sent.ok) return sent;
      const { answer, events } = sent.value;
      if (answer.duplicate)
        return { ok: true, value: { ...answer, effect: 'was recorded before' } };
      const woken = events.find((event) => event.type === 'StepCompleted');
      const run = await ports.runs.get({ tenant: context.tenant, runId: input.run_id });
      return {
        ok: true,
        value: { ...answer, effect: effectOf(command.value, woken?.step, run?.plan) },
      };
    });
}

function commandOf(input: SignalWorkflowInput): UseCaseResult<SignalWorkflow | ResolveStep> {
  const { name, step_id, resolution, reason } = input;
  const payload = input.payload ?? null;
  const json = checkJson(payload);
  if (!json.ok || Buffer.byteLength(json.text) > MAX_PAYLOAD_BYTES)
    return badRequest(
      json.ok
        ? `payload: is larger than ${MAX_PAYLOAD_BYTES} bytes`
        : 'payload: is no acceptable JSON',
    );
  if (step_id !== undefined && resolution !== undefined && name === undefined) {
    const output = resolution === 'completed' ? { output: payload } : {};
    const why = reason === undefined ? {} : { reason };
    return {
      ok: true,
      value: { type: 'ResolveStep', step: step_id, resolution, ...output, ...why },
    };
  }
  if (name !== undefined && step_id === undefined && resolution === undefined)
    return { ok: true, value: { type: 'SignalWorkflow', name, payload } };
  return badRequest(
    'give either name (a signal), or step_id and resolution (a decision on a step), not both',
  );
}

function badRequest(message: string): UseCaseResult<never> {
  return failure({
    code: 'invalid_arguments',
    message,
    changed: 'nothing',
    next: 'explain_workflow shows the exact call that the run waits for.',
  });
}

function effectOf(
  command: SignalWorkflow | ResolveStep,
  woken: string | undefined,
  plan: Plan | undefined,
): string {
  if (command.type === 'ResolveStep')
    return `step "${command.step}" decided: ${command.resolution}`;
  if (woken !== undefined) return `step "${woken}" took it`;
  const kept = 'no step waits for it now; it is kept for one to come';
  const names = plan === undefined ? [] : signalNames(plan);
  if (names.includes(command.name) || names.length === 0) return kept;
  const nearest = nearestName(command.name, names);
  return `${kept}, but this workflow names only the signals ${names.join(', ')}${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`;
}

/** Names written out in the definition; one that is an expression cannot be known. */
function signalNames({ definition }: Plan): string[] {
  return definition.steps.flatMap((step) => {
    const name = step.uses === 'signal' && isJsonObject(step.with) ? step.with.name : undefined;
    return typeof name === 'string' ? [name] : [];
  });
}
