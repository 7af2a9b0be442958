import type { Outcome } from '../../src/application/commands/execute-command.ts';
import type { Plan } from '../../src/domain/plan.ts';
import type { RunKey } from '../../src/ports/run-store.ts';
import type { Client, ClientRequest } from './client.ts';
import { SIGNAL_NAMES, type WorkflowModel } from './generate-workflow.ts';
import type { Random } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface PlannedRun {
  readonly key: RunKey;
  readonly workflow: WorkflowModel;
  readonly plan: Plan;
  readonly version: number;
  /** `input.n`. */
  readonly n: number;
}

/** The client of one run: starts it, perhaps twice at once, and then meddles. */
export class RunDriver {
  readonly #run: PlannedRun;
  readonly #client: Client;
  readonly #time: VirtualTime;
  readonly #random: Random;
  #sent = 0;
  #hasEnded = false;

  constructor(run: PlannedRun, client: Client, time: VirtualTime, random: Random) {
    this.#run = run;
    this.#client = client;
    this.#time = time;
    this.#random = random;
  }

  async run(untilMs: number): Promise<void> {
    const random = this.#random;
    await this.#time.sleep(random.int(0, Math.min(20_000, untilMs)));
    await this.#start();
    const pauseMs = random.pick([2_000, 10_000, 40_000]);
    for (;;) {
      await this.#time.sleep(random.int(0, pauseMs));
      if (this.#time.elapsedMs >= untilMs) return;
      const request = this.#meddle();
      await this.#twice(async () => this.#hear(await this.#client.request(request)), 0.2);
      if (this.#hasEnded && random.chance(0.7)) return;
    }
  }

  async #start(): Promise<void> {
    const random = this.#random;
    const request = this.#startRequest(this.#run.n);
    // Now and then somebody uses the key for something else. Whoever comes first has it.
    const other = random.chance(0.1) ? this.#startRequest(this.#run.n, 'other') : undefined;
    await Promise.all([
      this.#twice(() => this.#client.request(request), 0.4),
      other && this.#client.request(other),
    ]);
  }

  #hear(answer: Outcome | undefined): void {
    if (answer?.kind === 'rejected' && answer.rejection.code === 'already_finished')
      this.#hasEnded = true;
  }

  #startRequest(n: number, digest = 'first'): ClientRequest {
    const { key, plan, version } = this.#run;
    return {
      key,
      commandId: 'start',
      digest,
      plan,
      command: {
        type: 'StartWorkflow',
        runId: key.runId,
        definitionVersion: version,
        input: { n },
        workspace: '/',
      },
    };
  }

  #meddle(): ClientRequest {
    this.#sent += 1;
    return {
      key: this.#run.key,
      commandId: `client:${this.#sent}`,
      command: this.#drawCommand(this.#random.next()),
    };
  }

  #drawCommand(roll: number): ClientRequest['command'] {
    const random = this.#random;
    const [first, ...rest] = this.#run.workflow.steps;
    if (first === undefined) throw new Error('a workflow has steps');
    if (roll < 0.45)
      return {
        type: 'SignalWorkflow',
        name: random.pick([...SIGNAL_NAMES, 'unheard']),
        payload: { v: random.int(0, 6), from: this.#sent },
      };
    if (roll < 0.6) return { type: 'PauseWorkflow' };
    if (roll < 0.8) return { type: 'ResumeWorkflow' };
    if (roll < 0.85) return { type: 'CancelWorkflow', reason: 'as drawn' };
    return {
      type: 'ResolveStep',
      step: random.pick([first, ...rest]).id,
      resolution: random.pick(['retry', 'completed', 'failed']),
      output: { v: random.int(0, 6) },
    };
  }

  /** Sometimes the same request races itself. */
  async #twice(send: () => Promise<unknown>, probability: number): Promise<void> {
    const isTwice = this.#random.chance(probability);
    await Promise.all(isTwice ? [send(), send()] : [send()]);
  }
}
