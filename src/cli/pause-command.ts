import { controlCommand } from './control-command.ts';

export const addPauseCommand = controlCommand(
  'pause',
  'hold a run: running steps finish, no others start',
  'pauseWorkflow',
);
