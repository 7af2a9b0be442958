import { reject, type Decision, type Ruling } from '../decision.ts';
import { HISTORY_RESERVE_EVENTS, MAX_HISTORY_EVENTS } from '../limits.ts';

/** Only the room is left that the run needs for its own steps. */
export function isHistoryFull({ run }: Decision): boolean {
  return run.version >= MAX_HISTORY_EVENTS - HISTORY_RESERVE_EVENTS;
}

/** The refusal of what the outside adds to a history that keeps its last room for the run's own steps. */
export function refuseIfHistoryFull(decision: Decision, next: string): Ruling | undefined {
  if (!isHistoryFull(decision)) return undefined;
  return reject(
    'history_limit',
    `The run's history is full (${decision.run.version} events).`,
    next,
  );
}
