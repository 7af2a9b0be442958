import { setTimeout as pause } from 'node:timers/promises';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

const LOAD_MS = 1_500;
/** Longer than a lease. */
const FULL_MS = 3_000;
const ROUNDS = 3;

/** `maxmemory` is reached (noeviction): writes are refused, and when there is room again everything goes on. */
export const memory: Scenario = {
  name: 'memory',
  description: 'maxmemory reached (noeviction), then raised: nothing lost, everything goes on',
  stores: ['redis'],
  play: async (stage, { isQuick }) => {
    for (let round = 0; round < (isQuick ? 1 : ROUNDS); round += 1) {
      await pause(LOAD_MS);
      await stage.redis.command('CONFIG', 'SET', 'maxmemory', '1mb');
      stage.figures.faults += 1;
      await pause(FULL_MS);
      await stage.redis.command('CONFIG', 'SET', 'maxmemory', '0');
    }
    await pause(LOAD_MS);
    const refused = await refusedForMemory(stage);
    stage.notes.push(`Redis refused ${refused} writes for lack of memory`);
    if (refused === 0) stage.violations.push('memory was never full: nothing was shown');
  },
};

async function refusedForMemory({ redis }: Stage): Promise<number> {
  const errors = String(await redis.command('INFO', 'errorstats'));
  return Number(/errorstat_OOM:count=(\d+)/.exec(errors)?.[1] ?? 0);
}
