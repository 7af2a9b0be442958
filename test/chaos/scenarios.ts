import type { Scenario } from './scenario.ts';
import { clientSide } from './scenarios/client-side.ts';
import { diskFull } from './scenarios/disk-full.ts';
import { failover } from './scenarios/failover.ts';
import { flush } from './scenarios/flush.ts';
import { kills } from './scenarios/kills.ts';
import { memory } from './scenarios/memory.ts';
import { network } from './scenarios/network.ts';
import { stall } from './scenarios/stall.ts';
import { terminate } from './scenarios/terminate.ts';
import { truncate } from './scenarios/truncate.ts';

/** In the order in which they are played. */
export const SCENARIOS: readonly Scenario[] = [
  kills,
  stall,
  network,
  truncate,
  flush,
  memory,
  failover,
  terminate,
  diskFull,
  clientSide,
];
