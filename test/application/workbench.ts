import { LOCAL_CALLER } from '../../src/application/access/access.ts';
import { createMemoryStore } from '../../src/adapters/memory/memory-store.ts';
import type { StoreFaults } from '../../src/adapters/memory/memory-session.ts';
import { createApplication, type Application } from '../../src/application/application.ts';
import { createExecuteCommand } from '../../src/application/commands/execute-command.ts';
import { createPlanCache } from '../../src/application/commands/plan-cache.ts';
import { createRunCache } from '../../src/application/commands/run-cache.ts';
import type {
  ApplicationPorts,
  CallContext,
  UseCaseError,
  UseCaseResult,
} from '../../src/application/use-case.ts';
import type { Command } from '../../src/domain/commands.ts';
import type { EventBody } from '../../src/domain/events.ts';
import type { Json } from '../../src/domain/json.ts';
import { readEvent } from '../../src/domain/upcast.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { RepositoryError, type RepositoryReader } from '../../src/ports/repository-reader.ts';
import type { Store } from '../../src/ports/store.ts';
import type { ClaimedTask } from '../../src/ports/work-source.ts';
import { createManualClock, type ManualClock } from '../support/manual-clock.ts';
import { createSeededIds } from '../support/seeded-ids.ts';

export const LEASE_MS = 10_000;
export const WORKER = 'worker-1';

/** The application over a memory store, and a worker that a test plays by hand. */
export interface Workbench {
  readonly store: Store;
  readonly clock: ManualClock;
  readonly ports: ApplicationPorts;
  readonly application: Application;
  readonly context: CallContext;
  /** What the store does to operations; set by a test. */
  readonly faults: { fate: (operation: keyof Store) => 'proceed' | 'fail' | 'lose-reply' };
  /** What a repository reads as; set by a test. Until then every directory is refused. */
  readonly repositories: { read: RepositoryReader['read'] };
  register(definition: string): Promise<string>;
  start(workflow: string, input?: Record<string, Json>): Promise<string>;
  /** Says that a live worker serves these queues. */
  announce(...queues: string[]): Promise<void>;
  claim(queue: string): Promise<ClaimedTask>;
  complete(task: ClaimedTask, output: Json): Promise<void>;
  fail(task: ClaimedTask, code: string, message: string): Promise<void>;
  report(task: ClaimedTask, command: Command): Promise<void>;
  events(runId: string): Promise<EventBody[]>;
  /** Lets what was just called reach its first pause, then lets that much time pass. */
  outlast(ms: number): Promise<void>;
}

// A builder of one object: its methods share what it closes over.
export function createWorkbench(): Workbench {
  const clock = createManualClock();
  const ids = createSeededIds(7);
  const faults: Workbench['faults'] = { fate: () => 'proceed' };
  const before: StoreFaults['before'] = async (operation) => faults.fate(operation);
  const store = createMemoryStore({ clock, ids, faults: { before } });
  const repositories = createNoRepositories();
  const ports = { ...portsOf(store, clock), repositories };
  const application = createApplication(ports);
  const context: CallContext = {
    ...LOCAL_CALLER,
    actor: 'client:test',
    causationId: 'request-1',
  };

  const bench: Workbench = {
    store,
    clock,
    ports,
    application,
    context,
    faults,
    repositories,
    register: async (definition) =>
      valueOf(await application.registerWorkflow(context, { definition })).name,
    start: async (workflow, input = {}) =>
      valueOf(await application.startWorkflow(context, { workflow, input })).run_id,
    announce: async (...queues) => {
      const presence = {
        workerId: WORKER,
        queues,
        pid: 1,
        host: 'here',
        busy: 0,
        limit: 2,
        startedAtMs: 0,
      };
      await store.setValue('workers', WORKER, presence, { ttlMs: 15_000 });
    },
    claim: async (queue) => {
      const request = { owner: WORKER, queues: [queue], limit: 1, leaseDurationMs: LEASE_MS };
      const [task] = (await store.claimTasks(request)).work;
      if (task === undefined) throw new Error(`nothing to claim in ${queue}`);
      return task;
    },
    complete: (task, output) =>
      bench.report(task, { type: 'CompleteStep', ...performed(task, clock), output }),
    fail: (task, code, message) =>
      bench.report(task, { type: 'FailStep', ...performed(task, clock), error: { code, message } }),
    report: async (task, command) => {
      const outcome = await ports.execute(task.lease.key, {
        command,
        commandId: `${command.type}:${task.slot}#${task.attempt}`,
        actor: `worker:${WORKER}`,
        causationId: 'task',
        acknowledge: task.lease,
      });
      if (outcome.kind !== 'committed')
        throw new Error(`not committed: ${JSON.stringify(outcome)}`);
    },
    outlast: async (ms) => {
      await clock.advance(0);
      await clock.advance(ms);
    },
    events: async (runId) => {
      const texts = await store.readHistory({ tenant: 'default', runId }, 1, 10_000);
      return texts.map((text) => readEvent(text).body);
    },
  };
  return bench;
}

/** What a process on this store would be composed of. */
export function portsOf(store: Store, clock: Clock): ApplicationPorts {
  const ids = createSeededIds(11);
  const plans = createPlanCache(store);
  const runs = createRunCache(store, plans);
  const execute = createExecuteCommand({ store, runs, clock, ids, env: {} });
  const repositories = createNoRepositories();
  return { store, execute, runs, plans, clock, ids, repositories, workspace: '/workspace' };
}

function createNoRepositories(): Workbench['repositories'] {
  return {
    read: (directory) => Promise.reject(new RepositoryError(`${directory} is no git repository`)),
  };
}

export function valueOf<Value>(result: UseCaseResult<Value>): Value {
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.error)}`);
  return result.value;
}

export function errorOf(result: UseCaseResult<unknown>): UseCaseError {
  if (result.ok) throw new Error(`accepted: ${JSON.stringify(result.value)}`);
  return result.error;
}

function performed({ slot, attempt }: ClaimedTask, clock: Clock) {
  return { step: slot, attempt, worker: WORKER, startedAtMs: clock.now() };
}
