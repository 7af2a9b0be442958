import { describe, it } from 'vitest';
import { expectSeedsToHold, seedRange } from './play-seeds.ts';

// A file of its own, so that two cores share the seeds.
describe('deterministic simulation', () => {
  it('holds every invariant for seeds 1001 to 2000', { timeout: 300_000 }, async () => {
    await expectSeedsToHold(seedRange(1_001, 1_000));
  });
});
