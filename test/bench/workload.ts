import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryStore } from '../../src/adapters/memory/memory-store.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/sqlite-store.ts';
import { randomIdSource } from '../../src/adapters/system/random-id-source.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { createEngine, type Engine } from '../../src/application/engine/engine.ts';
import {
  createExecuteCommand,
  type ExecuteCommand,
} from '../../src/application/commands/execute-command.ts';
import { createPlanCache } from '../../src/application/commands/plan-cache.ts';
import { createRunCache } from '../../src/application/commands/run-cache.ts';
import { parseDefinition } from '../../src/domain/definition.ts';
import type { Plan } from '../../src/domain/plan.ts';
import type { Logger } from '../../src/ports/logger.ts';
import type { RunKey } from '../../src/ports/run-store.ts';
import type { StepHandler } from '../../src/ports/step-handler.ts';
import type { Store } from '../../src/ports/store.ts';

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (fields, message) => console.error(message, fields),
};

const noOpHandler: StepHandler = {
  kind: 'shell',
  queues: ['shell:noop'],
  run: async () => ({ kind: 'completed', output: null }),
};

export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'baton-bench-'));
}

export async function openStore(kind: 'memory' | 'sqlite', folder: string): Promise<Store> {
  if (kind === 'memory') return createMemoryStore({ clock: systemClock, ids: randomIdSource });
  return openSqliteStore({
    path: join(folder, 'bench.db'),
    clock: systemClock,
    ids: randomIdSource,
    logger: silentLogger,
  });
}

export interface Workload {
  readonly store: Store;
  readonly engine: Engine;
  readonly execute: ExecuteCommand;
  /** Starts a run; resolves when it is durable. */
  start(plan: Plan): Promise<RunKey>;
  /** Resolves when the run has ended. */
  ended(key: RunKey): Promise<void>;
  close(): Promise<void>;
}

/** The production engine in this process, with a step handler that does nothing. */
export async function createWorkload(store: Store, concurrency: number): Promise<Workload> {
  const plans = createPlanCache(store);
  const runs = createRunCache(store, plans);
  const waiting = new Map<string, () => void>();
  const observed: Store = observeEnds(store, waiting);
  const ports = { clock: systemClock, ids: randomIdSource };
  const execute = createExecuteCommand({ ...ports, store: observed, runs, env: {} });
  const engine = createEngine({
    ...ports,
    store: observed,
    execute,
    runs,
    logger: silentLogger,
    loadProbe: {
      sample: () => ({ eventLoopUtilisation: 0, cpuLoadPerQuotaCore: 0, memoryPressure: 0 }),
    },
    handlers: [noOpHandler],
    process: { pid: process.pid, host: 'bench', cores: 2 },
    config: {
      concurrency,
      leaseDurationMs: 10_000,
      retention: { keepMs: 86_400_000, keepRuns: 1_000_000 },
    },
  });
  engine.start();
  return {
    store,
    engine,
    execute,
    start: (plan) => startRun(execute, plan),
    ended: (key) => new Promise((resolve) => waiting.set(key.runId, resolve)),
    close: async () => {
      await engine.stop({ graceMs: 1_000 });
      await store.close();
    },
  };
}

/** Tells whoever waits as soon as the commit that ends a run is durable. */
function observeEnds(store: Store, waiting: Map<string, () => void>): Store {
  return {
    ...store,
    commit: async (request) => {
      const result = await store.commit(request);
      if (result.kind === 'committed' && request.index?.finishedAtMs !== undefined) {
        waiting.get(request.key.runId)?.();
        waiting.delete(request.key.runId);
      }
      return result;
    },
  };
}

async function startRun(execute: ExecuteCommand, plan: Plan): Promise<RunKey> {
  const key = { tenant: 'default', runId: randomIdSource.newId() };
  const outcome = await execute(key, {
    command: {
      type: 'StartWorkflow',
      runId: key.runId,
      definitionVersion: 1,
      input: {},
      workspace: '/',
    },
    commandId: 'start',
    actor: 'bench',
    causationId: 'bench',
    plan,
  });
  if (outcome.kind !== 'committed') throw new Error(`start: ${JSON.stringify(outcome)}`);
  return key;
}

/** `steps` no-op steps, one after the other, or all at once. */
export async function registerWorkflow(
  store: Store,
  steps: number,
  shape: 'chain' | 'fan',
): Promise<Plan> {
  const parsed = parseDefinition({
    name: `${shape}-${steps}`,
    steps: Array.from({ length: steps }, (_, index) => ({
      id: `s${index}`,
      uses: 'shell',
      with: { command: ['noop'] },
      ...(shape === 'chain' && index > 0 && { needs: [`s${index - 1}`] }),
    })),
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const { definition, document, hash, plan } = parsed;
  await store.register({ tenant: 'default', name: definition.name, hash, document });
  return plan;
}
