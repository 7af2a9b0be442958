import { createRedisStore } from '../../../src/adapters/redis/redis-store.ts';
import { randomIdSource } from '../../../src/adapters/system/random-id-source.ts';
import { systemClock } from '../../../src/adapters/system/system-clock.ts';
import { createEngine, type Engine } from '../../../src/application/engine/engine.ts';
import {
  createExecuteCommand,
  type ExecuteCommand,
} from '../../../src/application/commands/execute-command.ts';
import { createPlanCache } from '../../../src/application/commands/plan-cache.ts';
import { createRunCache } from '../../../src/application/commands/run-cache.ts';
import { parseDefinition } from '../../../src/domain/definition.ts';
import type { Plan } from '../../../src/domain/plan.ts';
import type { StepHandler } from '../../../src/ports/step-handler.ts';
import type { Store } from '../../../src/ports/store.ts';
import { silentLogger } from '../workload.ts';
import { PAYLOAD, type ProcessSpec, type System, type SystemEvents } from './system.ts';

/** The second of three: what is held is neither only begun nor almost done. */
const HELD_STEP = 's1';

/** The production engine over its own store; only the step's handler is the bench's. */
export async function openBaton(spec: ProcessSpec, events: SystemEvents): Promise<System> {
  const store = observeEnds(
    await createRedisStore({
      url: `unix://${spec.socket}`,
      ids: randomIdSource,
      logger: silentLogger,
    }),
    () => events.ended(),
  );
  const plans = createPlanCache(store);
  const runs = createRunCache(store, plans);
  const ports = { store, runs, clock: systemClock, ids: randomIdSource };
  const execute = createExecuteCommand({ ...ports, env: {} });
  const plan = await register(store, spec.workload === 'three-steps' ? 3 : 1);
  const engine =
    spec.role === 'starter' ? undefined : startEngine({ ...ports, execute }, spec, events);
  return {
    start: () => startRun(execute, plan),
    close: async () => {
      await engine?.stop({ graceMs: 1_000 });
      await store.close();
    },
  };
}

function startEngine(
  ports: Pick<Parameters<typeof createEngine>[0], 'store' | 'runs' | 'clock' | 'ids' | 'execute'>,
  { slots, holds }: ProcessSpec,
  events: SystemEvents,
): Engine {
  const handler: StepHandler = {
    kind: 'shell',
    queues: ['shell:noop'],
    run: async ({ step }) => {
      if (holds && step === HELD_STEP) await events.held();
      return { kind: 'completed', output: PAYLOAD };
    },
  };
  const engine = createEngine({
    ...ports,
    handlers: [handler],
    logger: silentLogger,
    loadProbe: {
      sample: () => ({ eventLoopUtilisation: 0, cpuLoadPerQuotaCore: 0, memoryPressure: 0 }),
    },
    process: { pid: process.pid, host: 'bench', cores: 2 },
    config: {
      concurrency: slots,
      leaseDurationMs: 10_000,
      retention: { keepMs: 86_400_000, keepRuns: 1_000_000 },
    },
  });
  engine.start();
  return engine;
}

/** The commit that ends a run is durable when the store answers it. */
function observeEnds(store: Store, ended: () => void): Store {
  return {
    ...store,
    commit: async (request) => {
      const result = await store.commit(request);
      if (result.kind === 'committed' && request.index?.finishedAtMs !== undefined) ended();
      return result;
    },
  };
}

/** Each step is given the run's input, as each job of the others is given its data. */
async function register(store: Store, steps: number): Promise<Plan> {
  const parsed = parseDefinition({
    name: `chain-${steps}`,
    steps: Array.from({ length: steps }, (_, index) => ({
      id: `s${index}`,
      uses: 'shell',
      with: { command: ['noop', '${{ input.payload }}'] },
      ...(index > 0 && { needs: [`s${index - 1}`] }),
    })),
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const { definition, document, hash, plan } = parsed;
  await store.register({ tenant: 'default', name: definition.name, hash, document });
  return plan;
}

async function startRun(execute: ExecuteCommand, plan: Plan): Promise<void> {
  const key = { tenant: 'default', runId: randomIdSource.newId() };
  const outcome = await execute(key, {
    command: {
      type: 'StartWorkflow',
      runId: key.runId,
      definitionVersion: 1,
      input: { payload: PAYLOAD },
      workspace: '/',
    },
    commandId: 'start',
    actor: 'bench',
    causationId: 'bench',
    plan,
  });
  if (outcome.kind !== 'committed') throw new Error(`start: ${JSON.stringify(outcome)}`);
}
