import type { AgentTask } from '../../src/application/agents/agent-task.ts';
import { readEvent } from '../../src/domain/upcast.ts';
import type { Store } from '../../src/ports/store.ts';
import { readTexts, violation, type RunFacts, type Violation } from '../support/run-facts.ts';
import { AgentWitness, endsAttempt } from './agent-witness.ts';
import { Caller, type CallerPorts } from './caller.ts';
import { AGENTS } from './generate-people.ts';
import type { WorkflowModel } from './generate-workflow.ts';
import type { LeaseWitness } from './lease-witness.ts';
import { People } from './people.ts';
import { PlayedAgent, type AgentWorld } from './played-agent.ts';
import { ToldLog } from './told-log.ts';

export interface OutsiderPorts extends CallerPorts {
  /** For looking only. */
  readonly store: Store;
  readonly violations: Violation[];
  readonly leases: LeaseWitness;
  readonly isHealed: () => boolean;
  readonly workflows: ReadonlyMap<string, WorkflowModel>;
  readonly runIds: readonly string[];
}

/** The agents and people of one seed. */
export interface Outsiders {
  /** Faults have stopped: every agent is there, in a new session that does as it should, whatever the old ones do. */
  heal(): void;
  /** All is done; settles the requests that nobody answered. */
  leave(): Promise<void>;
  check(runs: readonly RunFacts[]): Promise<Violation[]>;
}

/** Lets them live until they are told to leave. */
export function createOutsiders(ports: OutsiderPorts): Outsiders {
  const { random, store, tenant, workflows } = ports;
  const end = new AbortController();
  const over = end.signal;
  const told = new ToldLog();
  const seen = new AgentWitness();
  const caller = new Caller({ ...ports, random: random.fork() });
  const shared = { ...ports, caller, told, seen, over };
  const world = (): AgentWorld => ({
    ...shared,
    random: random.fork(),
    workOf: (workflow, step) => {
      const work = workflows.get(workflow)?.steps.find(({ id }) => id === step)?.work;
      if (work?.kind !== 'agent') throw new Error(`${workflow} has no agent step ${step}`);
      return work;
    },
    isEnded: async ({ run_id: runId, step_id: step, attempt }) => {
      const texts = await readTexts(store, { tenant, runId });
      return texts.some((text) => endsAttempt(readEvent(text).body, { step, attempt }));
    },
    isHeld: (task, owner) => isHeld(store, { tenant, runId: task.run_id }, task, owner),
  });

  const lives: Promise<void>[] = [];
  const begin = (life: Promise<void>): void => {
    life.catch((defect: unknown) => ports.defects.push(`an outsider failed: ${String(defect)}`));
    lives.push(life);
  };
  for (const agent of AGENTS) {
    if (random.chance(0.2)) continue; // comes in the end
    const sessions = random.chance(0.25) ? 2 : 1;
    for (let at = 0; at < sessions; at += 1)
      begin(new PlayedAgent(world(), agent, sessions === 1).live());
  }
  begin(new People({ ...shared, random: random.fork() }).live());

  return {
    heal: () => {
      for (const agent of AGENTS) begin(new PlayedAgent(world(), agent, false).live());
    },
    leave: async () => {
      end.abort();
      await Promise.all(lives);
      await told.resolveOpen();
    },
    check: async (runs) => {
      const missing = await Promise.all(runs.map((run) => lostArtifacts(store, run)));
      const claims = runs.flatMap((run) => {
        const workflow = workflows.get(run.state.run.name);
        return workflow === undefined ? [] : seen.check(run, workflow);
      });
      return [...seen.violations, ...told.check(runs), ...claims, ...missing.flat()];
    },
  };
}

async function isHeld(
  store: Store,
  key: { readonly tenant: string; readonly runId: string },
  { step_id, attempt }: AgentTask,
  owner: string,
): Promise<boolean> {
  const { tasks } = await store.openWork(key);
  const open = tasks.find(({ slot }) => slot === step_id);
  return open?.attempt === attempt && !open.recalled && open.lease?.owner === owner;
}

/** What a checkpoint names is there: it was kept before the event that names it. */
async function lostArtifacts(store: Store, { key, state }: RunFacts): Promise<Violation[]> {
  const found: Violation[] = [];
  for (const { name, repository } of state.run.checkpoints) {
    const id = repository?.diff?.artifactId;
    if (id !== undefined && (await store.getArtifact(key, id)) === undefined)
      found.push(violation(key, 'agents', `checkpoint ${name} names an artifact that is gone`));
  }
  return found;
}
