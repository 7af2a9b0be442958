import { hostname } from 'node:os';
import type { AgentTask } from '../application/agents/agent-task.ts';
import type { ReportTaskInput } from '../application/agents/report-task.ts';
import { DEFAULT_TENANT, LOCAL_CALLER } from '../application/access/access.ts';
import type { CallContext, UseCaseError } from '../application/use-case.ts';
import { ownerOf } from '../application/agents/agent-names.ts';
import { composeBaton, type Baton } from '../composition.ts';
import { loadConfig } from '../config.ts';
import { readSurroundings } from '../config/process-environment.ts';
import type { RunCache } from '../application/commands/run-cache.ts';
import { AGENT_NAME } from '../domain/definition/agent-kind.ts';
import type { Json } from '../domain/json.ts';
import { stepById } from '../domain/plan.ts';
import { AgentJob, isTaskLost, stopIfOver } from './agent/agent-job.ts';
import { StepFailure } from './handler/step-failure.ts';

export type { ApprovalAnswer, ApprovalQuestion, AgentJob, HandoverTo } from './agent/agent-job.ts';
export type { Json } from '../domain/json.ts';
export { StepFailure } from './handler/step-failure.ts';

/** The agent renews it by itself: when its process dies, its tasks go to others after this time. */
const LEASE_MS = 30_000;
const RENEWALS_PER_LEASE = 3;
const CLAIM_WAIT_SECONDS = 25;
const FIRST_PAUSE_MS = 200;
const MAX_PAUSE_MS = 10_000;
const MAX_CONCURRENCY = 64;
const MAX_MESSAGE_CHARS = 4_000;

export interface AgentOptions {
  /** Lower case letters, digits, dots, hyphens, underscores; at most 64. Tasks may be addressed to it. */
  readonly name: string;
  /** Tasks for any of these are claimed. */
  readonly capabilities: readonly string[];
  /**
   * Does one task; what it returns is the task's output and must keep its contract. Throw a `StepFailure` to fail the
   * task; any other error fails it as `handler_error`. Both are retried by the step's policy. The job's signal aborts when
   * the result is no longer wanted.
   */
  readonly handle: (job: AgentJob) => Json | Promise<Json>;
  /** Tasks at once, 1 to 64. Default: 1. */
  readonly concurrency?: number;
  /** Directory whose configuration counts, as for the `baton` command. Default: the current one. */
  readonly cwd?: string;
  /** Told of what went wrong outside a handler: a store that does not answer, a report that came too late. */
  readonly onProblem?: (problem: Error) => void;
}

export interface Agent {
  /** Opens the store and begins to claim. Rejects where configuration or store are of no use; nothing is left open. */
  start(): Promise<void>;
  /**
   * Claims nothing more, gives running tasks `graceMs` (default 10,000) to finish, then aborts their signals and releases
   * what they hold, so that others go on at once. Resolves when everything is closed.
   */
  stop(options?: { readonly graceMs?: number }): Promise<void>;
}

/**
 * An agent in this process, on the same store as every Baton of the configuration. Each task is run at least once and its
 * result recorded at most once; if the process dies, its tasks go to other agents after 30 s.
 */
export function createAgent(options: AgentOptions): Agent {
  const { name, capabilities, concurrency = 1 } = options;
  for (const word of [name, ...capabilities])
    if (!AGENT_NAME.test(word))
      throw new RangeError(`"${word}" is no name of an agent or capability: ${AGENT_NAME.source}`);
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > MAX_CONCURRENCY)
    throw new RangeError(`concurrency is a whole number from 1 to ${MAX_CONCURRENCY}`);
  return new ClaimingAgent(options, concurrency);
}

class ClaimingAgent implements Agent {
  readonly #options: AgentOptions;
  readonly #concurrency: number;
  readonly #stopClaiming = new AbortController();
  readonly #jobs = new Set<AgentJob>();
  #baton: Baton | undefined;
  #slots: Promise<unknown> = Promise.resolve();

  constructor(options: AgentOptions, concurrency: number) {
    this.#options = options;
    this.#concurrency = concurrency;
  }

  async start(): Promise<void> {
    if (this.#baton !== undefined) throw new Error('the agent was started before');
    const surroundings = readSurroundings();
    const { cwd = surroundings.cwd } = this.#options;
    const baton = await composeBaton(await loadConfig({ ...surroundings, cwd }), {
      engine: 'timers',
    });
    this.#baton = baton;
    baton.engine?.start();
    this.#slots = Promise.all(
      Array.from({ length: this.#concurrency }, () => this.#claimAndWork(baton)),
    );
  }

  async stop({ graceMs = 10_000 }: { readonly graceMs?: number } = {}): Promise<void> {
    this.#stopClaiming.abort();
    const baton = this.#baton;
    if (baton === undefined) return;
    const isOver = new AbortController();
    const over = this.#slots.finally(() => isOver.abort());
    await Promise.race([baton.ports.clock.sleep(graceMs, isOver.signal), over]);
    for (const job of this.#jobs) job.stop('shutdown');
    await over;
    await baton.close();
  }

  async #claimAndWork(baton: Baton): Promise<void> {
    const { name, capabilities } = this.#options;
    const { signal } = this.#stopClaiming;
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      const claimed = await baton.application.claimTask(this.#context(baton, signal), {
        agent_id: name,
        capabilities: [...capabilities],
        // A cursor that nobody used: two slots, or two processes, never work on one task.
        cursor: baton.ports.ids.newId(),
        wait_seconds: CLAIM_WAIT_SECONDS,
        leaseMs: LEASE_MS,
      });
      if (claimed.ok) {
        pauseMs = FIRST_PAUSE_MS;
        if (claimed.value.task) await this.#work(baton, claimed.value.task);
        continue;
      }
      this.#tell(claimed.error);
      await baton.ports.clock.sleep(pauseMs, signal);
      pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2);
    }
  }

  async #work(baton: Baton, task: AgentTask): Promise<void> {
    const context = this.#context(baton);
    const leaseMs = Math.min(LEASE_MS, task.lease.duration_seconds * 1_000);
    const job = new AgentJob(task, { application: baton.application, context, leaseMs });
    this.#jobs.add(job);
    const done = new AbortController();
    const watching = this.#keepLease(baton, job, leaseMs, done.signal);
    try {
      const report = await this.#handle(job);
      done.abort();
      await watching;
      if (report !== undefined) await this.#report(baton, report, leaseMs);
    } finally {
      done.abort();
      this.#jobs.delete(job);
    }
  }

  /** What to report of it; `undefined` when nobody wants to hear it. */
  async #handle(job: AgentJob): Promise<ReportTaskInput | undefined> {
    const { task } = job.task;
    const ended = async (): Promise<ReportTaskInput> => {
      try {
        return { task, action: 'complete', output: await this.#options.handle(job) };
      } catch (error) {
        if (job.signal.aborted) return { task, action: 'release' };
        if (error instanceof StepFailure)
          return { task, action: 'fail', code: error.code, message: error.message };
        const message = error instanceof Error ? error.message : String(error);
        return { task, action: 'fail', code: 'handler_error', message };
      }
    };
    const report = await ended();
    const isUnwanted = job.signal.aborted && job.signal.reason !== 'shutdown';
    return isUnwanted ? undefined : report;
  }

  async #report(baton: Baton, report: ReportTaskInput, leaseMs: number): Promise<void> {
    const context = this.#context(baton);
    const giveUpAtMs = baton.ports.clock.now() + leaseMs;
    for (;;) {
      const reported = await baton.application.reportTask(context, { ...report, leaseMs });
      if (reported.ok) return;
      // A store that is away is asked again for as long as the lease may hold.
      if (reported.error.code === 'store_unavailable' && baton.ports.clock.now() < giveUpAtMs) {
        await baton.ports.clock.sleep(FIRST_PAUSE_MS);
        continue;
      }
      this.#tell(reported.error);
      // An output that is not taken fails the task: another attempt may do better than nobody's.
      if (report.action !== 'complete' || isTaskLost(reported.error)) return;
      return this.#report(baton, failureFor(report.task, reported.error), leaseMs);
    }
  }

  /** Renews the lease, and looks at the run whenever it changed: a cancellation is heard of at once. */
  async #keepLease(baton: Baton, job: AgentJob, leaseMs: number, done: AbortSignal): Promise<void> {
    const { application, ports } = baton;
    const signal = AbortSignal.any([done, job.signal]);
    const unsubscribe = ports.store.onChange((change) => {
      if (change.key !== undefined && change.key.runId !== job.task.run_id) return;
      // A store that is away says nothing of the task.
      void isStillOurs(ports.runs, job.task).then(
        (isOurs) => (isOurs || done.aborted ? undefined : job.stop('cancelled')),
        () => undefined,
      );
    });
    const { task } = job.task;
    try {
      while (!signal.aborted) {
        await ports.clock.sleep(leaseMs / RENEWALS_PER_LEASE, signal);
        if (isAborted(signal)) return;
        const heartbeat = { task, action: 'heartbeat', leaseMs } as const;
        stopIfOver(job, await application.reportTask(this.#context(baton), heartbeat));
      }
    } finally {
      unsubscribe();
    }
  }

  #context(baton: Baton, signal?: AbortSignal): CallContext {
    return {
      ...LOCAL_CALLER,
      actor: ownerOf(this.#options.name),
      causationId: `agent:${hostname()}:${baton.ports.ids.newId()}`,
      ...(signal && { signal }),
    };
  }

  #tell({ code, message }: Pick<UseCaseError, 'code' | 'message'>): void {
    this.#options.onProblem?.(new Error(`${code}: ${message}`));
  }
}

function failureFor(
  task: string,
  { code, message, violations = [] }: UseCaseError,
): ReportTaskInput {
  const places = violations.map(({ path, message: why }) => `${path}: ${why}`).join('; ');
  const said = (places === '' ? message : places).slice(0, MAX_MESSAGE_CHARS);
  return { task, action: 'fail', code, message: said };
}

/** Asked anew after a wait: the compiler takes what it saw before for the truth. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

async function isStillOurs(runs: RunCache, task: AgentTask): Promise<boolean> {
  const run = await runs.refresh({ tenant: DEFAULT_TENANT, runId: task.run_id });
  const step = run && stepById(run.plan, task.step_id);
  const record = step && run.state.steps.get(step.index);
  return record?.status === 'scheduled' && record.attempt === task.attempt;
}
