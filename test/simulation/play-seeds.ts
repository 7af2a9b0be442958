import { expect } from 'vitest';
import type { Cast } from './generate-people.ts';
import { simulate } from './simulate.ts';
import { replayLine } from './simulation-result.ts';

/** Plays each seed; the first that fails is told with what it broke and how to see it again. */
export async function expectSeedsToHold(
  seeds: Iterable<number>,
  cast: Cast = 'workers',
): Promise<void> {
  for (const seed of seeds) {
    const { violations } = await simulate(seed, cast);
    expect(violations, `replay: ${replayLine(seed, cast)}`).toEqual([]);
  }
}

export function* seedRange(from: number, count: number): Generator<number> {
  for (let seed = from; seed < from + count; seed += 1) yield seed;
}
