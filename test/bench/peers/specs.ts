import type { SystemSpec } from './system.ts';

/** How much is done: `--quick` shows the order of things, not the figures. */
export interface Effort {
  readonly rounds: number;
  readonly warmMs: number;
  readonly windowMs: number;
  readonly tuneMs: number;
  readonly idleRuns: number;
  readonly memoryRuns: number;
  readonly agents: number;
  readonly workflows: number;
  readonly agentsWindowMs: number;
  readonly busEvents: number;
}

export const FULL: Effort = {
  ...{ rounds: 3, warmMs: 1_500, windowMs: 4_000, tuneMs: 2_000, idleRuns: 400 },
  ...{ memoryRuns: 10_000, agents: 10_000, workflows: 1_000, agentsWindowMs: 20_000 },
  busEvents: 80_000,
};
export const QUICK: Effort = {
  ...{ rounds: 1, warmMs: 1_000, windowMs: 1_500, tuneMs: 750, idleRuns: 100 },
  ...{ memoryRuns: 2_000, agents: 10_000, workflows: 1_000, agentsWindowMs: 4_000 },
  busEvents: 20_000,
};

export type Specs = ReadonlyMap<string, SystemSpec>;

const BATON_SLOTS = 128;
export const BATON = 'Baton';
export const PROTOTYPE = 'bare prototype';
export const FLOW = 'BullMQ, 3 flow jobs';
export const JOB = 'BullMQ, job';
const baton = { engine: 'baton', slots: BATON_SLOTS } as const;
const prototype = { engine: 'prototype', slots: BATON_SLOTS } as const;
const bullmq = { engine: 'bullmq', slots: 100 } as const;

export const THREE_STEPS: Specs = new Map<string, SystemSpec>([
  [BATON, { ...baton, workload: 'three-steps' }],
  [FLOW, { ...bullmq, workload: 'three-steps', pattern: 'flow' }],
  [
    `${FLOW}, removed at their end`,
    { ...bullmq, workload: 'three-steps', pattern: 'flow', removesFinished: true },
  ],
  ['BullMQ, 1 step job', { ...bullmq, workload: 'three-steps', pattern: 'step-job' }],
  [PROTOTYPE, { ...prototype, workload: 'three-steps' }],
]);

export const ONE_STEP: Specs = new Map<string, SystemSpec>([
  [BATON, { ...baton, workload: 'one-step' }],
  [JOB, { ...bullmq, workload: 'one-step' }],
  [`${JOB}, removed at its end`, { ...bullmq, workload: 'one-step', removesFinished: true }],
  [PROTOTYPE, { ...prototype, workload: 'one-step' }],
]);
