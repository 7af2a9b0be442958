import type { CreateCheckpoint } from '../commands.ts';
import { reject, type Decision, type Ruling } from '../decision.ts';
import { MAX_CHECKPOINTS } from '../limits.ts';
import { refuseIfHistoryFull } from './history-full.ts';

export function createCheckpoint(decision: Decision, command: CreateCheckpoint): Ruling {
  const { run } = decision;
  const next = 'Go on without one: the history itself keeps every step.';
  const full = refuseIfHistoryFull(decision, next);
  if (full) return full;
  if (run.checkpoints.length >= MAX_CHECKPOINTS)
    return reject(
      'too_many_checkpoints',
      `The run has ${run.checkpoints.length} checkpoints, which is the most.`,
      next,
    );
  const { name, note, repository } = command;
  decision.emit({
    type: 'CheckpointCreated',
    name,
    ...(note !== undefined && { note }),
    ...(repository && { repository }),
  });
  return decision.accept();
}
