import { expect, it } from 'vitest';
import { hammer, operations } from './hammer.ts';
import { nameOf } from './requests.ts';

it('keeps to its document under whatever clients send: no 5xx, every answer as declared', async () => {
  const tally = await hammer({ numRuns: 40, seed: 20_261_122 });
  // A client that is always refused would show little.
  for (const name of operations.map(nameOf)) {
    const statuses = [...(tally.get(name)?.keys() ?? [])];
    expect([name, statuses.some((status) => status < 400)]).toEqual([name, true]);
  }
});
