import { controlInputSchema, createControl, type ControlInput } from './control-workflow.ts';
import type { CommandAnswer } from '../commands/client-command.ts';
import type { ApplicationPorts, UseCase } from '../use-case.ts';

export const cancelWorkflowInputSchema = controlInputSchema;
export type CancelWorkflowInput = ControlInput;

/**
 * Asks a run to stop: steps that run are told to (signal, grace, kill), nothing else starts, and the run ends `cancelled` when
 * the last of them has stopped. A finished run is refused. Not undone by anything.
 */
export function createCancelWorkflow(
  ports: ApplicationPorts,
): UseCase<CancelWorkflowInput, CommandAnswer> {
  return createControl(ports, 'CancelWorkflow');
}
