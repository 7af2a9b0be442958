import { expect, it } from 'vitest';
import { hammer } from './hammer.ts';

it('keeps to its document for longer, with another seed every time', async () => {
  const seed = Date.now() % 2 ** 31;
  console.log(`seed ${seed}`);
  expect((await hammer({ numRuns: 1_000, seed })).size).toBeGreaterThan(20);
}, 900_000);
