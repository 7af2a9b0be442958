import { controlCommand } from './control-command.ts';

export const addResumeCommand = controlCommand(
  'resume',
  'let a paused run go on',
  'resumeWorkflow',
);
