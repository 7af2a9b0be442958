import type { CommandEnvelope, Outcome } from '../../src/application/commands/execute-command.ts';
import type { Command } from '../../src/domain/commands.ts';
import type { Plan } from '../../src/domain/plan.ts';
import type { RunKey } from '../../src/ports/run-store.ts';
import type { ClientCall } from '../support/invariants.ts';
import type { Random } from './random.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What a client wants done, whoever does it and however often it must ask. */
export interface ClientRequest {
  readonly key: RunKey;
  readonly commandId: string;
  readonly digest?: string;
  readonly command: Command;
  readonly plan?: Plan;
}

/** Sends commands through whatever process is there, and writes down what it was told. */
export class Client {
  readonly log: ClientCall[] = [];
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #processes: () => SimulatedProcess[];
  readonly #defects: string[];
  readonly #requests = new Map<string, ClientRequest>();

  constructor(ports: {
    readonly time: VirtualTime;
    readonly random: Random;
    readonly processes: () => SimulatedProcess[];
    readonly defects: string[];
  }) {
    this.#time = ports.time;
    this.#random = ports.random;
    this.#processes = ports.processes;
    this.#defects = ports.defects;
  }

  /** Asks, and mostly asks again when nobody answers. */
  async request(request: ClientRequest): Promise<Outcome | undefined> {
    const tries = this.#random.int(1, 3);
    let answer: Outcome | undefined;
    for (let tried = 0; tried < tries; tried += 1) {
      answer = await this.send(request, this.#random.int(500, 20_000));
      if (answer !== undefined && answer.kind !== 'unavailable') return answer;
      await this.#time.sleep(this.#random.int(0, 2_000));
    }
    return answer;
  }

  /** I10: whatever was left open is settled by the same request again. */
  async resolveOpenRequests(): Promise<void> {
    for (const request of this.#requests.values())
      if (isOpen(this.#lastCall(request)?.answer)) await this.send(request, 60_000);
  }

  async send(request: ClientRequest, patienceMs: number): Promise<Outcome | undefined> {
    const { key, commandId, command } = request;
    const [first, ...rest] = this.#processes().filter((process) => !process.isDead);
    if (first === undefined) return undefined;
    const process = this.#random.pick([first, ...rest]);
    this.#requests.set(`${key.runId} ${commandId} ${request.digest ?? ''}`, request);
    const call: ClientCall = { key, commandId, type: command.type, digest: request.digest };
    this.log.push(call);
    const answer = await this.#hear(process, request, patienceMs);
    if (answer !== undefined) call.answer = answer;
    return answer;
  }

  async #hear(
    process: SimulatedProcess,
    request: ClientRequest,
    patienceMs: number,
  ): Promise<Outcome | undefined> {
    const gone = new AbortController();
    const forget = process.onDeath(() => gone.abort());
    const answered = this.#ask(process, request).catch((defect: unknown) => {
      this.#defects.push(`${request.command.type} was answered with ${String(defect)}`);
      return undefined;
    });
    const answer = await Promise.race([
      answered,
      this.#time.sleep(patienceMs, gone.signal).then(() => undefined),
    ]);
    forget();
    gone.abort();
    return answer;
  }

  async #ask(process: SimulatedProcess, request: ClientRequest): Promise<Outcome | undefined> {
    await process.thawed();
    return process.isDead ? undefined : process.execute(request.key, envelopeOf(request));
  }

  #lastCall({ key, commandId, digest }: ClientRequest): ClientCall | undefined {
    return this.log.findLast(
      (call) =>
        call.commandId === commandId && call.key.runId === key.runId && call.digest === digest,
    );
  }
}

function envelopeOf({ commandId, digest, command, plan }: ClientRequest): CommandEnvelope {
  return {
    command,
    commandId,
    actor: 'client:simulation',
    causationId: commandId,
    ...(digest !== undefined && { digest }),
    ...(plan && { plan }),
  };
}

function isOpen(answer: ClientCall['answer']): boolean {
  return answer === undefined || answer.kind === 'unavailable';
}
