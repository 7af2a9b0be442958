import { controlCommand } from './control-command.ts';

export const addCancelCommand = controlCommand(
  'cancel',
  'stop a run for good: running steps are told to stop, nothing else starts',
  'cancelWorkflow',
);
