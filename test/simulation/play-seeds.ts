import { expect } from 'vitest';
import { simulate } from './simulate.ts';

/** Plays each seed; the first that fails is told with what it broke and how to see it again. */
export async function expectSeedsToHold(seeds: Iterable<number>): Promise<void> {
  for (const seed of seeds) {
    const { violations } = await simulate(seed);
    const replay = `replay: npm run simulate -- --from ${seed} --seeds 1 --trace`;
    expect(violations, replay).toEqual([]);
  }
}

export function* seedRange(from: number, count: number): Generator<number> {
  for (let seed = from; seed < from + count; seed += 1) yield seed;
}
