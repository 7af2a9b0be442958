import { setTimeout as pause } from 'node:timers/promises';
import type { Scenario } from '../scenario.ts';

const FLUSHES = 25;
const MAX_PAUSE_MS = 300;

/** An operator, or a restore, throws away what Baton has loaded into Redis. */
export const flush: Scenario = {
  name: 'flush',
  description: 'FUNCTION FLUSH and SCRIPT FLUSH under load',
  stores: ['redis'],
  isQuick: true,
  play: async (stage, { isQuick }) => {
    for (let at = 0; at < (isQuick ? 10 : FLUSHES); at += 1) {
      await stage.redis.command('FUNCTION', 'FLUSH');
      await stage.redis.command('SCRIPT', 'FLUSH');
      stage.figures.faults += 1;
      await pause(stage.random.int(0, MAX_PAUSE_MS));
    }
  },
};
