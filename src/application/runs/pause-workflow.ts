import { controlInputSchema, createControl, type ControlInput } from './control-workflow.ts';
import type { CommandAnswer } from '../commands/client-command.ts';
import type { ApplicationPorts, UseCase } from '../use-case.ts';

export const pauseWorkflowInputSchema = controlInputSchema;
export type PauseWorkflowInput = ControlInput;

/**
 * Holds a run: steps that run finish, no others start until it is resumed. Timers and signals are still taken.
 */
export function createPauseWorkflow(
  ports: ApplicationPorts,
): UseCase<PauseWorkflowInput, CommandAnswer> {
  return createControl(ports, 'PauseWorkflow');
}
