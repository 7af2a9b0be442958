import { it } from 'vitest';
import { expectNothingLost, killNine } from './kill-nine.ts';

// A seed of its own each, so that a failure can be tried again with the same moments.
it.each([1, 2, 3, 4, 5])(
  'loses nothing over 10 kills, seed %i',
  async (seed) => {
    expectNothingLost(await killNine(10, seed));
  },
  120_000,
);
