import type { AgentTask } from '../../src/application/agents/agent-task.ts';
import type { ClaimAnswer } from '../../src/application/agents/claim-task.ts';
import type { RequestedApproval } from '../../src/application/people/request-approval.ts';
import type { UseCaseResult } from '../../src/application/use-case.ts';
import {
  drawAgentBehaviour,
  drawQuickWork,
  forgeWord,
  type AgentBehaviour,
  type HandOverTo,
  type PlainWork,
} from './agent-behaviour.ts';
import { AGENTS, PEOPLE, type AgentModel, type AgentWork } from './generate-people.ts';
import { HeldReports, type AgentPorts } from './held-reports.ts';
import type { MarkedRequest } from './told-log.ts';

export interface AgentWorld extends AgentPorts {
  /** From now on agents do as they should. */
  readonly isHealed: () => boolean;
  /** Aborts when all is done. */
  readonly over: AbortSignal;
  readonly workOf: (workflow: string, step: string) => AgentWork;
  readonly runIds: readonly string[];
  /** The agent still holds the task that it was told of, as the store has it. */
  isHeld(task: AgentTask, owner: string): Promise<boolean>;
}

/** One session of an agent: claims, does what was drawn, reports. An agent may have several at once. */
export class PlayedAgent {
  readonly #world: AgentWorld;
  readonly #agent: AgentModel;
  /** No other session shares its name, so that what it is told of its claims is determined. */
  readonly #isAlone: boolean;
  #cursor: string | undefined;
  /** Told, but lost on the way to the agent: the same cursor must give it again. */
  #unheard: AgentTask | undefined;
  #hasLostCalls = false;

  constructor(world: AgentWorld, agent: AgentModel, isAlone: boolean) {
    this.#world = world;
    this.#agent = agent;
    this.#isAlone = isAlone;
  }

  async live(): Promise<void> {
    const { random, time, isHealed, over } = this.#world;
    if (!isHealed()) await time.sleep(random.int(0, 10_000));
    if (random.chance(0.3)) await this.#register();
    while (!over.aborted) {
      const task = await this.#claim();
      if (task !== undefined) await this.#work(task);
      else await time.sleep(random.int(10, isHealed() ? 500 : 3_000), over);
    }
  }

  async #register(): Promise<void> {
    const { id, capabilities } = this.#agent;
    await this.#world.caller.call(`agent ${id}`, 10_000, (application, context) =>
      application.registerAgent(context, { agent_id: id, capabilities: [...capabilities] }),
    );
  }

  /** A task to work on, or nothing. */
  async #claim(): Promise<AgentTask | undefined> {
    const { random, isHealed } = this.#world;
    const waitSeconds = isHealed() ? 20 : random.int(0, 12);
    const patienceMs = waitSeconds * 1_000 + (isHealed() ? 60_000 : random.int(500, 8_000));
    const answer = await this.#ask(waitSeconds, patienceMs);
    if (answer === undefined) return undefined;
    const { task, next_cursor } = answer;
    if (task !== undefined) this.#see(task);
    await this.#compare(task);
    if (task !== undefined && !isHealed() && random.chance(0.15)) {
      // Its answer is lost on the last stretch.
      this.#unheard = task;
      return undefined;
    }
    this.#cursor = next_cursor;
    return task;
  }

  async #ask(waitSeconds: number, patienceMs: number): Promise<ClaimAnswer | undefined> {
    const { id, capabilities } = this.#agent;
    const input = {
      agent_id: id,
      capabilities: [...capabilities],
      wait_seconds: waitSeconds,
      ...(this.#cursor !== undefined && { cursor: this.#cursor }),
    };
    const answer = await this.#world.caller.call(id, patienceMs, (application, context) =>
      application.claimTask(context, input),
    );
    if (answer?.ok === true) return answer.value;
    // What it was given meanwhile, if anything, it learns by asking again; or never, from a call that goes on alone.
    this.#hasLostCalls = true;
    if (answer?.ok === false && answer.error.code !== 'store_unavailable')
      this.#world.seen.complain(
        { tenant: this.#world.tenant, runId: '' },
        `a claim of ${id} was refused as ${answer.error.code}`,
      );
    return undefined;
  }

  #see(task: AgentTask): void {
    const { seen, tenant, time } = this.#world;
    const key = { tenant, runId: task.run_id };
    seen.claims.push({ key, agent: this.#agent, task, atMs: time.now() });
  }

  /** A lost answer loses no task. */
  async #compare(task: AgentTask | undefined): Promise<void> {
    const unheard = this.#unheard;
    this.#unheard = undefined;
    if (unheard === undefined) return;
    // The same step again, after its lease had run out, is what it asked for too.
    if (unheard.run_id === task?.run_id && unheard.step_id === task.step_id) return;
    if (!this.#isAlone || this.#hasLostCalls || this.#world.isHealed()) return;
    const { seen, tenant } = this.#world;
    if (await this.#world.isHeld(unheard, `agent:${this.#agent.id}`))
      seen.complain(
        { tenant, runId: unheard.run_id },
        `${this.#agent.id} asked again for ${unheard.task} and was given ${task?.task ?? 'nothing'}`,
      );
  }

  async #work(task: AgentTask): Promise<void> {
    const { random, isHealed, workOf } = this.#world;
    const work = workOf(task.workflow, task.step_id);
    const held = new HeldReports(this.#world, this.#agent.id, task);
    if (work.habit === 'circles' && (await this.#passOn(held))) return;
    if (work.habit === 'cursed') return;
    const behaviour = isHealed() ? drawQuickWork(random) : drawAgentBehaviour(random, task, work);
    await this.#behave(held, behaviour);
  }

  async #behave(held: HeldReports, behaviour: AgentBehaviour): Promise<void> {
    const { over, told, time } = this.#world;
    if ('forMs' in behaviour && behaviour.kind !== 'work') await time.sleep(behaviour.forMs, over);
    switch (behaviour.kind) {
      case 'work':
        return this.#complete(held, behaviour);
      case 'breach':
        await held.complete(told.newMark(), true);
        return this.#complete(held, drawQuickWork(this.#world.random));
      case 'fail':
        await held.fail(told.newMark(), behaviour.code);
        return;
      case 'stall':
        return this.#reportLate(held, behaviour.then);
      case 'vanish':
        if (behaviour.forgets) this.#cursor = undefined;
        return;
      case 'twice':
        return this.#completeTwice(held, behaviour.races);
      case 'release':
        return held.release();
      case 'hand-over':
        return this.#handOver(held, behaviour.to);
      case 'ask':
        return this.#askFirst(held, behaviour);
      case 'checkpoint':
        await this.#checkpoint(held.task, behaviour.withRepository);
        return this.#complete(held, drawQuickWork(this.#world.random));
      case 'forge':
        await held.forge(
          forgeWord(held.task.task, behaviour.what, this.#world.runIds),
          this.#tenantOf(behaviour.what),
        );
        return this.#complete(held, drawQuickWork(this.#world.random));
    }
  }

  async #complete(held: HeldReports, { forMs, beats }: PlainWork): Promise<void> {
    const { over, told, time } = this.#world;
    for (let beat = 1; beat <= beats; beat += 1) {
      await time.sleep(forMs / (beats + 1), over);
      if (!(await held.heartbeat(beat))) return;
    }
    await time.sleep(forMs / (beats + 1), over);
    await held.complete(told.newMark());
  }

  async #reportLate(
    held: HeldReports,
    what: Extract<AgentBehaviour, { kind: 'stall' }>['then'],
  ): Promise<void> {
    const mark = this.#world.told.newMark();
    if (what === 'complete') await held.complete(mark);
    if (what === 'fail') await held.fail(mark, undefined);
    if (what === 'hand-over') await this.#handOver(held, 'agent');
    if (what === 'release') await held.release();
  }

  async #completeTwice(held: HeldReports, races: boolean): Promise<void> {
    const { told } = this.#world;
    const mark = told.newMark();
    if (races) await Promise.all([held.complete(mark), held.complete(told.newMark())]);
    else await held.complete(mark);
    await held.complete(told.newMark());
  }

  async #handOver(held: HeldReports, to: HandOverTo): Promise<void> {
    const { random, told } = this.#world;
    const { id, capabilities } = random.pick(AGENTS);
    const target = {
      agent: { to_agent: id },
      capability: { to_capability: capabilities[0] ?? 'review' },
      person: { to_person: random.pick(['anyone', ...PEOPLE]) },
      nobody: { to_agent: 'nobody-of-that-name' },
    }[to];
    const answer = await held.handOver(told.newMark(), target, random.int(0, 9));
    if (answer === 'no_worker') await held.complete(told.newMark());
  }

  /** Answers whether the task went on its way. */
  async #passOn(held: HeldReports): Promise<boolean> {
    const { random, told } = this.#world;
    const { id } = random.pick(AGENTS);
    const answer = await held.handOver(told.newMark(), { to_agent: id }, random.int(0, 9));
    return answer === 'done' || answer === undefined;
  }

  async #askFirst(
    held: HeldReports,
    behaviour: Extract<AgentBehaviour, { kind: 'ask' }>,
  ): Promise<void> {
    const { caller, over, random, seen, tenant, time, told } = this.#world;
    const { run_id, step_id } = held.task;
    const mark = told.newMark();
    const { expiresSeconds } = behaviour;
    const input = {
      run_id,
      question: mark,
      step_id,
      wait_seconds: random.int(0, 10),
      idempotency_key: mark,
      ...(expiresSeconds !== undefined && { expires_seconds: expiresSeconds }),
    };
    const answer = await this.#sendOften({
      mark,
      what: 'an approval',
      runId: run_id,
      isRepeatable: true,
      send: () =>
        caller.call(this.#agent.id, 30_000, (application, context) =>
          application.requestApproval(context, input),
        ),
    });
    if (answer?.ok === true && !isTimely(answer.value, expiresSeconds))
      seen.complain({ tenant, runId: run_id }, `approval ${mark} has another time than asked for`);
    await time.sleep(behaviour.patienceMs, over);
    await held.complete(told.newMark());
  }

  async #checkpoint({ run_id }: AgentTask, withRepository: boolean): Promise<void> {
    const { caller, told } = this.#world;
    const mark = told.newMark();
    const input = {
      run_id,
      name: mark,
      idempotency_key: mark,
      ...(withRepository && { repository: '/' }),
    };
    await this.#sendOften({
      mark,
      what: 'a checkpoint',
      runId: run_id,
      isRepeatable: true,
      send: () =>
        caller.call(this.#agent.id, 10_000, (application, context) =>
          application.createCheckpoint(context, input),
        ),
    });
  }

  /** Under its own key, so that any number of times is once. */
  #sendOften<Value>(request: MarkedRequest<Value>): Promise<UseCaseResult<Value> | undefined> {
    const { random, told } = this.#world;
    if (random.chance(0.5)) return told.send(request);
    return Promise.all([told.send(request), told.send(request)]).then(([first]) => first);
  }

  #tenantOf(what: string): string {
    return what === 'tenant' ? 'another' : this.#world.tenant;
  }
}

function isTimely(
  { asked_at = '', expires_at }: RequestedApproval,
  expiresSeconds: number | undefined,
): boolean {
  if (expires_at === undefined || expiresSeconds === undefined)
    return expires_at === undefined && expiresSeconds === undefined;
  return Date.parse(expires_at) - Date.parse(asked_at) === expiresSeconds * 1_000;
}
