import { createHash } from 'node:crypto';
import type { RunFacts, Violation } from '../support/invariants.ts';
import type { Cast } from './generate-people.ts';

interface Played {
  readonly seed: number;
  readonly cast: Cast;
  readonly violations: readonly Violation[];
  readonly trace: readonly string[];
}

export interface SimulationResult extends Played {
  /** The same for every replay of the seed, as long as the code is the same. */
  readonly traceHash: string;
  readonly figures: {
    readonly runs: number;
    readonly events: number;
    readonly effects: number;
    readonly virtualMs: number;
  };
}

export function resultOf(
  played: Played,
  seen: {
    readonly facts: readonly RunFacts[];
    readonly effects: number;
    readonly virtualMs: number;
  },
): SimulationResult {
  const { facts, effects, virtualMs } = seen;
  const hash = createHash('sha256');
  for (const line of played.trace) hash.update(line).update('\n');
  const events = facts.reduce((sum, run) => sum + run.events.length, 0);
  return {
    ...played,
    traceHash: hash.digest('hex'),
    figures: { runs: facts.length, events, effects, virtualMs },
  };
}

/** The command that plays one seed again. */
export function replayLine(seed: number, cast: Cast): string {
  const option = cast === 'agents' ? '--agents ' : '';
  return `npm run simulate -- ${option}--from ${seed} --seeds 1 --trace`;
}
