import { LOCAL_CALLER } from '../../src/application/access/access.ts';
import { onTestFinished } from 'vitest';
import { MemoryDatabase } from '../../src/adapters/memory/memory-database.ts';
import { createMemoryStore } from '../../src/adapters/memory/memory-store.ts';
import type { AgentTask } from '../../src/application/agents/agent-task.ts';
import { createApplication, type Application } from '../../src/application/application.ts';
import type { ClaimAnswer, ClaimTaskInput } from '../../src/application/agents/claim-task.ts';
import type {
  ReportTaskInput,
  TaskReportAnswer,
} from '../../src/application/agents/report-task.ts';
import { runTimerWorker } from '../../src/application/engine/timer-worker.ts';
import type {
  ApplicationPorts,
  CallContext,
  UseCaseError,
  UseCaseResult,
} from '../../src/application/use-case.ts';
import type { EventBody } from '../../src/domain/events.ts';
import type { Json } from '../../src/domain/json.ts';
import { readEvent } from '../../src/domain/upcast.ts';
import type { Store } from '../../src/ports/store.ts';
import { settled } from '../support/application.ts';
import { createManualClock, type ManualClock } from '../support/manual-clock.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { errorOf, portsOf, valueOf } from './workbench.ts';

export const MINUTE_MS = 60_000;
/** Of an agent, where its step says nothing else. */
export const AGENT_LEASE_MS = 15 * MINUTE_MS;

export type Fate = 'proceed' | 'fail' | 'lose-reply';

/** One Baton process on the store that all of a bench share. */
export interface AgentProcess {
  readonly store: Store;
  readonly ports: ApplicationPorts;
  readonly application: Application;
  /** What the store does to operations of this process; set by a test. It may wait. */
  readonly faults: { fate: (operation: keyof Store) => Fate | Promise<Fate> };
}

/** Agents play on two processes over one store in memory; time moves only when the test moves it. */
export class AgentBench {
  readonly clock: ManualClock = createManualClock();
  readonly context: CallContext = {
    ...LOCAL_CALLER,
    actor: 'client:test',
    causationId: 'request-1',
  };
  readonly here: AgentProcess;
  readonly there: AgentProcess;
  readonly #database = new MemoryDatabase(createSeededIds(3));

  constructor() {
    this.here = this.open(7);
    this.there = this.open(8);
  }

  /** Another process on the same store. */
  open(seed: number): AgentProcess {
    const faults: AgentProcess['faults'] = { fate: () => 'proceed' };
    const store = createMemoryStore({
      database: this.#database,
      clock: this.clock,
      ids: createSeededIds(seed),
      faults: { before: async (operation) => faults.fate(operation) },
    });
    const ports = { ...portsOf(store, this.clock), ids: createSeededIds(seed + 100) };
    return { store, ports, application: createApplication(ports), faults };
  }

  async start(definition: string, input: Record<string, Json> = {}): Promise<string> {
    const { application } = this.here;
    const { name } = valueOf(await application.registerWorkflow(this.context, { definition }));
    return valueOf(await application.startWorkflow(this.context, { workflow: name, input })).run_id;
  }

  /** Claims without waiting, unless told otherwise. */
  async claim(
    agent_id: string,
    more: Partial<ClaimTaskInput> & { leaseMs?: number } = {},
    { application }: AgentProcess = this.here,
  ): Promise<ClaimAnswer> {
    const input = { agent_id, wait_seconds: 0, ...more };
    return valueOf(await this.outlast(application.claimTask(this.context, input)));
  }

  /** Of an agent that can review; throws when there is nothing for it. */
  async task(
    agent_id = 'first',
    more: Partial<ClaimTaskInput> & { leaseMs?: number } = {},
    process: AgentProcess = this.here,
  ): Promise<AgentTask> {
    const { task } = await this.claim(agent_id, { capabilities: ['review'], ...more }, process);
    if (task === undefined) throw new Error(`nothing to claim for ${agent_id}`);
    return task;
  }

  report(
    task: AgentTask,
    said: Omit<ReportTaskInput, 'task'>,
    { application }: AgentProcess = this.here,
  ): Promise<UseCaseResult<TaskReportAnswer>> {
    return this.outlast(application.reportTask(this.context, { task: task.task, ...said }));
  }

  async accepted(
    task: AgentTask,
    said: Omit<ReportTaskInput, 'task'>,
    process: AgentProcess = this.here,
  ): Promise<TaskReportAnswer> {
    return valueOf(await this.report(task, said, process));
  }

  async refused(
    task: AgentTask,
    said: Omit<ReportTaskInput, 'task'>,
    process: AgentProcess = this.here,
  ): Promise<UseCaseError> {
    return errorOf(await this.report(task, said, process));
  }

  /** What a call answers, for which time moves on as far as it must. */
  outlast<Value>(call: Promise<Value>): Promise<Value> {
    return settled(this.clock, call);
  }

  /** The timers of an engine, until the test ends. */
  runTimers({ store, ports }: AgentProcess = this.here): void {
    const stop = new AbortController();
    const ended = runTimerWorker({
      store,
      execute: ports.execute,
      clock: this.clock,
      logger: silentLogger,
      owner: 'engine',
      signal: stop.signal,
    });
    onTestFinished(async () => {
      stop.abort();
      await settled(this.clock, ended);
    });
  }

  async status(runId: string): Promise<string | undefined> {
    const run = await this.here.ports.runs.refresh({ tenant: 'default', runId });
    return run?.state.run.status;
  }

  async events(runId: string): Promise<EventBody[]> {
    const texts = await this.here.store.readHistory({ tenant: 'default', runId }, 1, 10_000);
    return texts.map((text) => readEvent(text).body);
  }

  async types(runId: string): Promise<string[]> {
    return (await this.events(runId)).map(({ type }) => type);
  }

  /** Each step by id, in the words that people read. */
  async steps(runId: string): Promise<Record<string, string>> {
    const call = { run_id: runId };
    const view = valueOf(await this.here.application.getWorkflow(this.context, call));
    return Object.fromEntries(view.steps.map(({ id, status }) => [id, status]));
  }

  /** Kinds and messages of everything the run hangs on. */
  async reasons(runId: string): Promise<string[]> {
    const call = { run_id: runId };
    const explained = valueOf(await this.here.application.explainWorkflow(this.context, call));
    return explained.reasons.map(
      ({ kind, message, next }) => `${kind}: ${message}${next === undefined ? '' : ` ${next}`}`,
    );
  }
}

/** One step for any agent that can review; `more` are further keys of the step, one a line. */
export function reviewing(...more: readonly string[]): string {
  return [
    'name: reviewing',
    'steps:',
    '  - id: review',
    '    uses: agent',
    '    with:',
    '      capability: review',
    '      instructions: Read it.',
    ...more.map((line) => `    ${line}`),
  ].join('\n');
}

/** The same with a contract of its output. */
export const CONTRACT = `
name: contract
steps:
  - id: review
    uses: agent
    with:
      capability: review
      instructions: Read it.
      output:
        type: object
        required: [verdict, findings]
        properties:
          verdict: { type: string, enum: [good, bad] }
          findings: { type: array, items: { type: object, required: [file] } }
output: { verdict: '\${{ steps.review.output.verdict }}' }
`;
