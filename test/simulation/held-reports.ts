import type { AgentTask } from '../../src/application/agents/agent-task.ts';
import type { HandoffTaskInput } from '../../src/application/agents/handoff-task.ts';
import type { ReportTaskInput } from '../../src/application/agents/report-task.ts';
import type { UseCaseResult } from '../../src/application/use-case.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { RunKey } from '../../src/ports/run-store.ts';
import type { AgentWitness } from './agent-witness.ts';
import type { Caller, Use } from './caller.ts';
import type { LeaseWitness, TaskLease } from './lease-witness.ts';
import type { Random } from './random.ts';
import type { ToldLog } from './told-log.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface AgentPorts {
  readonly tenant: string;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly caller: Caller;
  readonly told: ToldLog;
  readonly leases: LeaseWitness;
  readonly seen: AgentWitness;
  /** The attempt has ended, as the store has it. */
  isEnded(task: AgentTask): Promise<boolean>;
}

/** Refusals that an agent may come upon through no fault of its own. */
const FAIR = ['lease_lost', 'already_reported', 'stale_attempt'];

/** What an agent says of one task, said again when nobody answers, and remembered with what it was told. */
export class HeldReports {
  readonly task: AgentTask;
  readonly #ports: AgentPorts;
  readonly #agentId: string;
  readonly #key: RunKey;

  constructor(ports: AgentPorts, agentId: string, task: AgentTask) {
    this.#ports = ports;
    this.#agentId = agentId;
    this.task = task;
    this.#key = { tenant: ports.tenant, runId: task.run_id };
  }

  /** Completes it with an output of its own; the answer's error code, `done`, or `undefined` without an answer. */
  complete(mark: string, isBreach = false): Promise<string | undefined> {
    const output: JsonObject = isBreach ? { mark } : { v: this.#ports.random.int(0, 6), mark };
    return this.#report(
      mark,
      { action: 'complete', output },
      isBreach ? [...FAIR, 'contract_violation'] : FAIR,
    );
  }

  fail(mark: string, code: string | undefined): Promise<string | undefined> {
    return this.#report(mark, { action: 'fail', message: mark, ...(code && { code }) }, FAIR);
  }

  handOver(
    mark: string,
    to: Pick<HandoffTaskInput, 'to_agent' | 'to_capability' | 'to_person'>,
    context: number,
  ): Promise<string | undefined> {
    const input = { task: this.task.task, ...to, note: mark, context };
    const fair = [...FAIR, 'too_many_handovers', 'no_worker', 'not_an_approver'];
    this.#ports.leases.reports(mark, this.lease);
    return this.#marked(mark, 'handover', fair, (application, caller) =>
      application.handoffTask(caller, input),
    );
  }

  /** True while it may go on. */
  async heartbeat(payload: number): Promise<boolean> {
    const { caller, random, seen, time } = this.#ports;
    const wasEnded = await this.#ports.isEnded(this.task);
    const input = { task: this.task.task, action: 'heartbeat', payload } as const;
    const answer = await caller.call(this.#agentId, 10_000, (application, context) =>
      application.reportTask(context, random.chance(0.5) ? input : { ...input, message: 'so far' }),
    );
    if (answer?.ok === false) this.#judge('heartbeat', answer.error.code, FAIR);
    if (wasEnded && answer?.ok === true && answer.value.cancelled !== true)
      seen.complain(this.#key, `${this.task.step_id} has ended, and its holder is not told`);
    const isUnwanted = answer?.ok === true && answer.value.cancelled === true;
    if (isUnwanted) seen.cancelled.push({ ...this.#attempt(), atMs: time.now() });
    return !isUnwanted && (answer?.ok !== false || answer.error.changed === 'unknown');
  }

  async release(): Promise<void> {
    const { caller, seen } = this.#ports;
    seen.released.add(this.task.task);
    const answer = await caller.call(this.#agentId, 10_000, (application, context) =>
      application.reportTask(context, { task: this.task.task, action: 'release' }),
    );
    if (answer?.ok === false) this.#judge('release', answer.error.code, FAIR);
  }

  /** A word that this store never gave to anybody: refused, whatever it says. */
  async forge(word: string, tenant: string): Promise<void> {
    const { caller, random, seen, told } = this.#ports;
    const mark = told.newMark();
    const output = { v: random.int(0, 6), mark };
    const answer = await told.send({
      mark,
      what: 'a forged report',
      runId: this.task.run_id,
      isRepeatable: true,
      send: () =>
        caller.call(this.#agentId, 10_000, (application, context) =>
          application.reportTask(
            { ...context, tenant },
            { task: word, action: 'complete', output },
          ),
        ),
    });
    const isRefused = answer?.ok === false && answer.error.code === 'unknown_task';
    const isOpen = answer === undefined || (!answer.ok && answer.error.changed === 'unknown');
    if (!isRefused && !isOpen) seen.complain(this.#key, `the word ${word} was taken for a task`);
  }

  #report(
    mark: string,
    input: Pick<ReportTaskInput, 'action' | 'output' | 'message' | 'code'>,
    fair: readonly string[],
  ): Promise<string | undefined> {
    this.#ports.leases.reports(mark, this.lease);
    return this.#marked(mark, input.action, fair, (application, context) =>
      application.reportTask(context, { ...input, task: this.task.task }),
    );
  }

  get lease(): TaskLease {
    return { key: this.#key, id: this.task.step_id, fence: this.task.fence };
  }

  async #marked<Value>(
    mark: string,
    what: string,
    fair: readonly string[],
    use: Use<Value>,
  ): Promise<string | undefined> {
    const { caller, random, told, time } = this.#ports;
    const patienceMs = random.int(500, 20_000);
    const request = {
      mark,
      what: `${what} of ${this.task.step_id}#${this.task.attempt}`,
      runId: this.task.run_id,
      isRepeatable: true,
      send: () => caller.call(this.#agentId, patienceMs, use),
    };
    const tries = random.int(1, 3);
    for (let tried = 0; tried < tries; tried += 1) {
      const answer = await told.send(request);
      const code = codeOf(answer);
      if (code === 'done') return code;
      if (code !== undefined) {
        this.#judge(what, code, fair);
        return code;
      }
      await time.sleep(random.int(0, 2_000));
    }
    return undefined;
  }

  #judge(what: string, code: string, fair: readonly string[]): void {
    const { leases, seen, time } = this.#ports;
    if (code === 'store_unavailable') return;
    if (!fair.includes(code))
      seen.complain(this.#key, `${what} of ${this.task.step_id} was refused as ${code}`);
    const isTaken = seen.released.has(this.task.task) || leases.isTaken(this.lease);
    if ((code === 'lease_lost' && !isTaken) || code === 'already_reported')
      seen.lost.push({ ...this.#attempt(), atMs: time.now() });
  }

  #attempt(): { key: RunKey; step: string; attempt: number } {
    return { key: this.#key, step: this.task.step_id, attempt: this.task.attempt };
  }
}

function codeOf(answer: UseCaseResult<unknown> | undefined): string | undefined {
  if (answer === undefined) return undefined;
  if (answer.ok) return 'done';
  return answer.error.changed === 'nothing' ? answer.error.code : undefined;
}
