import { reject, type Decision, type Ruling } from '../decision.ts';
import { HISTORY_RESERVE_EVENTS, MAX_HISTORY_EVENTS } from '../limits.ts';

/** The refusal of what the outside adds to a history that keeps its last room for the run's own steps. */
export function refuseIfHistoryFull({ run }: Decision, next: string): Ruling | undefined {
  if (run.version < MAX_HISTORY_EVENTS - HISTORY_RESERVE_EVENTS) return undefined;
  return reject('history_limit', `The run's history is full (${run.version} events).`, next);
}
