import { controlInputSchema, createControl, type ControlInput } from './control-workflow.ts';
import type { CommandAnswer } from '../commands/client-command.ts';
import type { ApplicationPorts, UseCase } from '../use-case.ts';

export const resumeWorkflowInputSchema = controlInputSchema;
export type ResumeWorkflowInput = ControlInput;

/**
 * Lets a paused run go on.
 */
export function createResumeWorkflow(
  ports: ApplicationPorts,
): UseCase<ResumeWorkflowInput, CommandAnswer> {
  return createControl(ports, 'ResumeWorkflow');
}
