import { answerCommand } from './answer-approval.ts';

export const addApproveCommand = answerCommand(
  'approve',
  'answer what waits for a person: asks at a terminal, else takes an operator key',
);
