import type { Plan } from '../../domain/plan.ts';
import type { RunState } from '../../domain/state.ts';
import type { RunKey } from '../../ports/run-store.ts';
import type { OpenTask, QueueDepth } from '../../ports/work-source.ts';
import { recentAgents, type AgentRecord } from '../agents/agent-registry.ts';
import { failure, unknownRun } from '../commands/outcome-error.ts';
import type { ApplicationPorts, UseCaseResult } from '../use-case.ts';
import { listWorkers, type WorkerPresence } from '../engine/worker-presence.ts';

/** A run with what the store and the workers know of it, read at about one moment. */
export interface RunSituation {
  readonly key: RunKey;
  readonly plan: Plan;
  /** Owned by the cache and folded further in place: make views of it before the next await. */
  readonly state: RunState;
  /** By slot. */
  readonly tasks: ReadonlyMap<string, OpenTask>;
  readonly workers: readonly WorkerPresence[];
  readonly agents: readonly AgentRecord[];
  /** By queue; only where the reader asked for it. */
  readonly depths?: ReadonlyMap<string, QueueDepth>;
  readonly nowMs: number;
}

type SituationPorts = Pick<ApplicationPorts, 'store' | 'runs' | 'clock'>;

export async function readSituation(
  ports: SituationPorts,
  key: RunKey,
): Promise<UseCaseResult<RunSituation>> {
  const run = await ports.runs.refresh(key);
  if (run === undefined) return failure(unknownRun(key.runId));
  // Most reads are of runs that have nothing in a queue: these cost one read of the store.
  const isInFlight = run.state.run.stepsInFlight > 0;
  const tasks = isInFlight ? (await ports.store.openWork(key)).tasks : [];
  const workers = isInFlight ? await listWorkers(ports.store) : [];
  const hasAgentSteps = isInFlight && run.plan.steps.some((step) => step.performer === 'agent');
  const agents = hasAgentSteps ? await recentAgents(ports, key.tenant) : [];
  return {
    ok: true,
    value: {
      key,
      plan: run.plan,
      state: run.state,
      tasks: new Map(tasks.map((task) => [task.slot, task])),
      workers,
      agents,
      nowMs: ports.clock.now(),
    },
  };
}
