import type { ApprovalView, PersonTaskView } from '../../src/application/people/approval-view.ts';
import type { Person } from '../../src/application/people/person.ts';
import type { UseCaseResult } from '../../src/application/use-case.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { violation, type Violation } from '../support/run-facts.ts';
import type { Caller } from './caller.ts';
import { PEOPLE } from './generate-people.ts';
import type { Random } from './random.ts';
import type { ToldLog } from './told-log.ts';
import type { VirtualTime } from './virtual-time.ts';

const ROUND_MS = 500;

interface PeoplePorts {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly caller: Caller;
  readonly told: ToldLog;
  readonly violations: Violation[];
  readonly isHealed: () => boolean;
  /** Aborts when all is done. */
  readonly over: AbortSignal;
}

interface Asked {
  readonly runId: string;
  readonly approval: ApprovalView;
}

/** Refusals that a person may come upon: somebody was quicker, or it is not theirs to answer. */
const FAIR = [
  'already_finished',
  'approval_expired',
  'approval_resolved',
  'cancelling',
  'invalid_input',
  'not_an_approver',
  'not_with_a_person',
  'stale_attempt',
  'too_many_handovers',
  'unknown_choice',
  'store_unavailable',
  'unknown_approval',
];

/**
 * People who look into the inbox and answer what waits there, at first now and then, wrongly, twice or too late; in the
 * end everything that is theirs. They know nothing but the inbox: what it does not show waits for ever.
 */
export class People {
  readonly #ports: PeoplePorts;
  readonly #answered: Asked[] = [];

  constructor(ports: PeoplePorts) {
    this.#ports = ports;
  }

  async live(): Promise<void> {
    const { isHealed, over, random, time } = this.#ports;
    while (!over.aborted) {
      await time.sleep(isHealed() ? ROUND_MS : random.int(500, 10_000), over);
      await this.#round();
    }
  }

  async #round(): Promise<void> {
    const { caller, isHealed, random } = this.#ports;
    const inbox = await caller.call('cli', 20_000, (application, context) =>
      application.listInbox(context, {}),
    );
    const late = random.chance(0.1) ? this.#answered.at(-1) : undefined;
    if (late !== undefined) await this.#approve(late);
    if (inbox?.ok !== true) return;
    for (const { run_id, approvals, tasks } of inbox.value.runs) {
      for (const approval of approvals)
        if (isHealed() || random.chance(0.4)) await this.#answer({ runId: run_id, approval });
      for (const task of tasks) if (isHealed() || random.chance(0.4)) await this.#do(run_id, task);
    }
  }

  async #answer(asked: Asked): Promise<void> {
    const { isHealed, random } = this.#ports;
    this.#answered.push(asked);
    const isRace = !isHealed() && random.chance(0.25);
    await Promise.all(
      isRace ? [this.#approve(asked), this.#approve(asked)] : [this.#approve(asked)],
    );
  }

  async #approve({ runId, approval }: Asked): Promise<void> {
    const { isHealed, random, told } = this.#ports;
    const { approval_id, choices, approvers } = approval;
    const [able = PEOPLE[0]] = random.sample(approvers ?? PEOPLE, 1);
    const isClumsy = !isHealed() && random.chance(0.15);
    const mark = told.newMark();
    const input = {
      run_id: runId,
      approval_id,
      resolution: random.chance(0.8) ? ('chosen' as const) : ('rejected' as const),
      choice: isClumsy ? 'no such choice' : random.sample(choices, 1)[0],
      comment: mark,
      person: personOf(isClumsy ? 'mallory' : able),
    };
    const answer = await this.#tell(mark, 'an answer', runId, (caller) =>
      caller.call('cli', this.#patienceMs(), (application, context) =>
        application.resolveApproval(context, input),
      ),
    );
    this.#judge(runId, answer);
  }

  async #do(runId: string, { step_id, person }: PersonTaskView): Promise<void> {
    const { isHealed, random, told } = this.#ports;
    const mark = told.newMark();
    const resolution = random.pick(['completed', 'completed', 'failed', 'returned'] as const);
    const isClumsy = !isHealed() && random.chance(0.15);
    const output: JsonObject = isClumsy ? { mark } : { v: 1, mark };
    const input = {
      run_id: runId,
      step_id,
      resolution,
      ...(resolution === 'completed' && { output }),
      ...(resolution !== 'completed' && { note: mark }),
      person: personOf(isClumsy ? 'mallory' : (person ?? random.pick(PEOPLE))),
    };
    const answer = await this.#tell(mark, `${resolution} by a person`, runId, (caller) =>
      caller.call('cli', this.#patienceMs(), (application, context) =>
        application.answerTask(context, input),
      ),
    );
    this.#judge(runId, answer);
  }

  #tell<Value>(
    mark: string,
    what: string,
    runId: string,
    send: (caller: Caller) => Promise<UseCaseResult<Value> | undefined>,
  ): Promise<UseCaseResult<Value> | undefined> {
    const { caller, told } = this.#ports;
    // Without a key of its own, the same answer again is another one.
    return told.send({ mark, what, runId, isRepeatable: false, send: () => send(caller) });
  }

  #judge(runId: string, answer: UseCaseResult<unknown> | undefined): void {
    if (answer?.ok !== false) return;
    const { code, changed } = answer.error;
    if (changed === 'nothing' && !FAIR.includes(code))
      this.#ports.violations.push(violation({ runId }, 'agents', `a person was refused: ${code}`));
  }

  #patienceMs(): number {
    const { isHealed, random } = this.#ports;
    return isHealed() ? 60_000 : random.int(500, 20_000);
  }
}

function personOf(name: string): Person {
  return { name, via: 'operator_key' };
}
