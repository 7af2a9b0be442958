import { createApplication, type Application } from '../../src/application/application.ts';
import { createEngine, type Engine } from '../../src/application/engine/engine.ts';
import {
  createExecuteCommand,
  type ExecuteCommand,
} from '../../src/application/commands/execute-command.ts';
import type { PlanCache } from '../../src/application/commands/plan-cache.ts';
import { createRunCache } from '../../src/application/commands/run-cache.ts';
import { createMemoryStore } from '../../src/adapters/memory/memory-store.ts';
import type { MemoryDatabase } from '../../src/adapters/memory/memory-database.ts';
import type { DefinitionCatalog } from '../../src/ports/definition-catalog.ts';
import type { Logger } from '../../src/ports/logger.ts';
import type { RepositoryReader } from '../../src/ports/repository-reader.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { createFaultyStore, type Process } from './faulty-store.ts';
import type { FaultPlan } from './fault-plan.ts';
import type { LeaseWitness } from './lease-witness.ts';
import { createPlayedHandler, type Sink } from './played-handler.ts';
import type { ShellScript } from './behaviour.ts';
import { clockOf, type VirtualTime } from './virtual-time.ts';

export const LEASE_DURATION_MS = 10_000;

export interface ProcessPorts {
  readonly database: MemoryDatabase;
  readonly time: VirtualTime;
  readonly faults: FaultPlan;
  readonly sink: Sink;
  readonly witness: LeaseWitness;
  /** What a process does that no fault excuses. */
  readonly defects: string[];
  trace(line: string): void;
  scriptOf(workflow: string, step: string): ShellScript;
  /** Plans are compiled once a seed: compiling dominates everything else a process does. */
  plansOf(catalog: DefinitionCatalog): PlanCache;
}

export interface ProcessOptions {
  readonly name: string;
  readonly seed: number;
  readonly binaries: readonly string[];
  readonly concurrency: number;
}

/** One Baton process: its own caches, executor and worker, the shared database, and a way to die. */
export class SimulatedProcess implements Process {
  readonly name: string;
  /** What it may run. */
  readonly binaries: readonly string[];
  readonly execute: ExecuteCommand;
  /** For agents and people, who call tools and the command line. */
  readonly application: Application;
  readonly #ports: ProcessPorts;
  readonly #engine: Engine;
  #isDead = false;
  #isStopping = false;
  #thaw: Promise<void> | undefined;
  readonly #onDeath = new Set<() => void>();

  constructor(ports: ProcessPorts, options: ProcessOptions) {
    this.#ports = ports;
    this.name = options.name;
    this.binaries = options.binaries;
    const ids = createSeededIds(options.seed);
    const { time, database, faults, witness } = ports;
    // The store's own clock is the machine's: it does not stop with the process.
    const direct = createMemoryStore({ database, clock: time, ids });
    const store = createFaultyStore({
      store: direct,
      time,
      process: this,
      faults,
      witness,
      trace: (line) => ports.trace(line),
    });
    const clock = clockOf(time, this);
    const plans = ports.plansOf(store);
    const runs = createRunCache(store, plans);
    this.execute = createExecuteCommand({ store, runs, clock, ids, env: {} });
    this.application = createApplication({
      store,
      execute: this.execute,
      runs,
      plans,
      clock,
      ids,
      repositories: REPOSITORY,
      workspace: '/',
    });
    const handler = createPlayedHandler({
      queues: options.binaries.map((binary) => `shell:${binary}`),
      clock,
      sink: ports.sink,
      process: this,
      scriptOf: (workflow, step) => ports.scriptOf(workflow, step),
    });
    this.#engine = createEngine({
      store,
      execute: this.execute,
      runs,
      clock,
      ids,
      logger: this.#logger(),
      loadProbe: IDLE,
      handlers: options.binaries.length > 0 ? [handler] : [],
      process: { pid: 1, host: options.name, cores: 1 },
      config: {
        concurrency: options.concurrency,
        leaseDurationMs: LEASE_DURATION_MS,
        retention: { keepMs: 86_400_000, keepRuns: 1_000 },
      },
    });
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** It lets go of its work and will end soon. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  start(): void {
    this.#engine.start();
  }

  /** Stops as on SIGSTOP: it sees nothing of the time that passes until it goes on. */
  freeze(forMs: number, signal: AbortSignal): void {
    const thaw = this.#ports.time.sleep(forMs, signal);
    this.#ports.trace(`${this.name} stands still for ${forMs} ms`);
    this.#thaw = thaw;
    void thaw.then(() => {
      if (this.#thaw === thaw) this.#thaw = undefined;
    });
  }

  thawed(): Promise<void> | undefined {
    return this.#thaw;
  }

  /** Dies at once: nothing that it waits for ever comes back. */
  crash(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#ports.trace(`${this.name} died`);
    this.#ports.time.drop(this);
    for (const listener of this.#onDeath) listener();
  }

  /** Ends as on SIGTERM. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    try {
      await this.#engine.stop({ graceMs });
    } catch (error) {
      this.#ports.defects.push(`${this.name} stopped with ${String(error)}`);
    }
    this.crash();
  }

  /** For callers, whose connection breaks when the process dies. */
  onDeath(listener: () => void): () => void {
    this.#onDeath.add(listener);
    return () => this.#onDeath.delete(listener);
  }

  #logger(): Logger {
    const quiet = (): void => undefined;
    return {
      debug: quiet,
      info: quiet,
      warn: quiet,
      error: (fields, message) => {
        if (!this.#isDead)
          this.#ports.defects.push(`${this.name}: ${message} ${JSON.stringify(fields)}`);
      },
    };
  }
}

const IDLE = {
  sample: () => ({ eventLoopUtilisation: 0, cpuLoadPerQuotaCore: 0, memoryPressure: 0 }),
};

/** Every repository stands at the same commit, with the same change on top. */
const REPOSITORY: RepositoryReader = {
  read: async () => ({
    state: { path: '/', commit: 'c0', isDirty: true },
    diff: { content: new TextEncoder().encode('a change'), files: 1 },
  }),
};
