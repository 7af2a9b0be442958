import { timed } from '../measure.ts';
import { serveRequests, tellParent } from './asked-process.ts';
import { openSystem, type ProcessSpec, type System } from './system.ts';

/**
 * A process of the comparison: opens the system that its first request names, then does as it is asked. A worker tells
 * how many runs it ended; who starts is told of those.
 */
export type BenchRequest =
  | { readonly do: 'open'; readonly spec: ProcessSpec }
  | { readonly do: 'load'; readonly inFlight: number }
  | { readonly do: 'start'; readonly count: number }
  | { readonly do: 'idle'; readonly runs: number }
  | { readonly do: 'untilHeld'; readonly count: number }
  | { readonly do: 'release' | 'sample' | 'drain' };

export interface Sample {
  /** Runs that this process ended, or was told of. */
  readonly ended: number;
  readonly cpuMicros: number;
  readonly residentBytes: number;
}

/** Ends are told in bunches: a message an end would cost more than the end. */
const TELL_EVERY_MS = 2;
const STARTS_AT_ONCE = 256;

class BenchProcess {
  #system: System | undefined;
  #spec: ProcessSpec | undefined;
  #inFlight = 0;
  #started = 0;
  #ended = 0;
  #held = 0;
  #untold = 0;
  #isReleased = false;
  readonly #waiting: (() => void)[] = [];
  #check: () => void = () => undefined;

  async answer(request: BenchRequest): Promise<unknown> {
    switch (request.do) {
      case 'open':
        this.#spec = request.spec;
        this.#system = await openSystem(request.spec, {
          ended: () => this.#end(1),
          held: () => this.#hold(),
        });
        return;
      case 'load':
        this.#inFlight = request.inFlight;
        return this.#fill();
      case 'start':
        return this.#startAll(request.count);
      case 'idle':
        return this.#idle(request.runs);
      case 'untilHeld':
        return this.#until(() => this.#held >= request.count);
      case 'release':
        return this.#release();
      case 'sample':
        return this.#sample();
      case 'drain':
        this.#inFlight = 0;
        return this.#until(() => this.#ended >= this.#started);
    }
  }

  /** Runs that other processes ended. */
  told(ended: unknown): void {
    this.#end(Number(ended));
  }

  async close(): Promise<void> {
    await this.#system?.close();
  }

  #sample(): Sample {
    const { user, system } = process.cpuUsage();
    return {
      ended: this.#ended,
      cpuMicros: user + system,
      residentBytes: process.memoryUsage.rss(),
    };
  }

  #open(): System {
    if (this.#system === undefined) throw new Error('nothing was opened');
    return this.#system;
  }

  /** A run in flight is one whose start was asked for and whose end is not known. */
  #fill(): void {
    const system = this.#open();
    while (this.#started - this.#ended < this.#inFlight) {
      this.#started += 1;
      system.start().catch(fail);
    }
  }

  #end(count: number): void {
    this.#ended += count;
    if (this.#spec?.role === 'worker') this.#tell(count);
    else if (this.#inFlight > 0) this.#fill();
    this.#check();
  }

  #tell(count: number): void {
    if (this.#untold === 0)
      setTimeout(() => {
        tellParent(this.#untold);
        this.#untold = 0;
      }, TELL_EVERY_MS);
    this.#untold += count;
  }

  #hold(): Promise<void> {
    this.#held += 1;
    this.#check();
    if (this.#isReleased) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #release(): void {
    this.#isReleased = true;
    for (const go of this.#waiting.splice(0)) go();
  }

  async #startAll(count: number): Promise<void> {
    const system = this.#open();
    for (let left = count; left > 0; left -= STARTS_AT_ONCE) {
      const some = Math.min(left, STARTS_AT_ONCE);
      this.#started += some;
      await Promise.all(Array.from({ length: some }, () => system.start()));
    }
  }

  /** One run at a time, from the call of start to the known end. */
  async #idle(runs: number): Promise<number[]> {
    const system = this.#open();
    const latenciesMs: number[] = [];
    for (let run = 0; run < runs; run += 1)
      latenciesMs.push(
        await timed(() => {
          this.#started += 1;
          const ended = this.#until(() => this.#ended === this.#started);
          return Promise.all([system.start(), ended]);
        }),
      );
    return latenciesMs;
  }

  #until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#check = () => {
        if (!isSo()) return;
        this.#check = () => undefined;
        resolve();
      };
      this.#check();
    });
  }
}

function fail(error: unknown): void {
  console.error(error);
  process.exit(1);
}

serveRequests<BenchRequest>(new BenchProcess());
