import type { Clock } from '../../ports/clock.ts';

/** Lets a loop sleep until there is something to do. A wake between two waits is not lost. */
export class WakeSignal {
  readonly #clock: Clock;
  #isRaised = false;
  #interrupt: AbortController | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wake(): void {
    this.#isRaised = true;
    this.#interrupt?.abort('woken');
  }

  /** Returns when woken, after `delayMs`, or when the signal aborts; only one wait at a time. */
  async wait(delayMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#isRaised && !signal.aborted) {
      this.#interrupt = new AbortController();
      await this.#clock.sleep(delayMs, AbortSignal.any([signal, this.#interrupt.signal]));
      this.#interrupt = undefined;
    }
    this.#isRaised = false;
  }
}
