import { answerCommand } from './answer-approval.ts';

export const addRejectCommand = answerCommand(
  'reject',
  'refuse what waits for a person: asks at a terminal, else takes an operator key',
);
