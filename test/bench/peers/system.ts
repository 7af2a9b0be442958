/**
 * What every process of the comparison speaks to: one engine under one workload. The engines differ, what is asked of
 * them does not.
 */
export interface System {
  /** Starts one run; resolves when it is durable. */
  start(): Promise<void>;
  /** Stops claiming and closes the connections. */
  close(): Promise<void>;
}

export type Workload = 'three-steps' | 'one-step';

/** What is measured. */
export interface SystemSpec {
  readonly engine: 'baton' | 'bullmq' | 'prototype';
  readonly workload: Workload;
  /** Tasks at once in a worker process. */
  readonly slots: number;
  /** BullMQ only: three flow jobs, each the parent of the one before; or one job that notes its steps. */
  readonly pattern?: 'flow' | 'step-job';
  /** BullMQ only: `removeOnComplete`. Baton and the prototype always keep the whole history. */
  readonly removesFinished?: boolean;
  /** BullMQ only: ioredis's option of that name. */
  readonly autoPipelining?: boolean;
}

/** What one process does of it. */
export interface ProcessSpec extends SystemSpec {
  /** Path of Redis's Unix socket. */
  readonly socket: string;
  readonly role: 'both' | 'starter' | 'worker';
  /** The second step of three waits for `release`. */
  readonly holds: boolean;
}

export interface SystemEvents {
  /** A run's end is durable. Told in the process that worked on it last. */
  ended(): void;
  /** The second step of a run began; it goes on when this resolves. */
  held(): Promise<void>;
}

/** What every start takes and every step takes and gives: 100 bytes. */
export const PAYLOAD = 'x'.repeat(100);

export async function openSystem(spec: ProcessSpec, events: SystemEvents): Promise<System> {
  switch (spec.engine) {
    case 'baton':
      return (await import('./baton-system.ts')).openBaton(spec, events);
    case 'bullmq':
      return (await import('./bullmq-system.ts')).openBullmq(spec, events);
    case 'prototype':
      return (await import('./prototype-system.ts')).openPrototype(spec, events);
  }
}
