import { LOCAL_CALLER } from '../../src/application/access/access.ts';
import type { Application } from '../../src/application/application.ts';
import type { CallContext, UseCaseResult } from '../../src/application/use-case.ts';
import type { Random } from './random.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface CallerPorts {
  readonly tenant: string;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly processes: () => readonly SimulatedProcess[];
  readonly defects: string[];
}

export type Use<Value> = (
  application: Application,
  context: CallContext,
) => Promise<UseCaseResult<Value>>;

/** Calls use cases in whatever process is there, as agents and people do: they never touch the store. */
export class Caller {
  readonly #ports: CallerPorts;
  #calls = 0;

  constructor(ports: CallerPorts) {
    this.#ports = ports;
  }

  /** `undefined`: nobody was there, the process died, or the caller's patience ended before the answer came. */
  async call<Value>(
    actor: string,
    patienceMs: number,
    use: Use<Value>,
  ): Promise<UseCaseResult<Value> | undefined> {
    const { random, time, tenant } = this.#ports;
    const [first, ...rest] = this.#ports.processes().filter(({ isDead }) => !isDead);
    if (first === undefined) return undefined;
    const process = random.pick([first, ...rest]);
    const gone = new AbortController();
    const forget = process.onDeath(() => gone.abort());
    this.#calls += 1;
    const context = { ...LOCAL_CALLER, tenant, actor, causationId: `call-${this.#calls}` };
    // A process does not always learn that its caller has gone.
    const heard = random.chance(0.7) ? { ...context, signal: gone.signal } : context;
    const answer = await Promise.race([
      this.#ask(process, heard, use),
      time.sleep(patienceMs, gone.signal).then(() => undefined),
    ]);
    forget();
    gone.abort();
    return answer;
  }

  async #ask<Value>(
    process: SimulatedProcess,
    context: CallContext,
    use: Use<Value>,
  ): Promise<UseCaseResult<Value> | undefined> {
    try {
      await process.thawed();
      return process.isDead ? undefined : await use(process.application, context);
    } catch (defect) {
      this.#ports.defects.push(`a call of ${context.actor} was answered with ${String(defect)}`);
      return undefined;
    }
  }
}
