import type { IBackoff, IBackoffFactory } from 'cockatiel';

/**
 * The pauses before the probes of one breaker. cockatiel compares a pause with the time of day, which may be set back;
 * here it is told only "over" or "not yet", by a clock that is not.
 */
export class ProbePauses implements IBackoffFactory<unknown> {
  readonly #pausesMs: readonly number[];
  readonly #elapsedMs: () => number;
  #dueAtMs = 0;
  #taken = 0;

  constructor(pausesMs: readonly number[], elapsedMs: () => number) {
    this.#pausesMs = pausesMs;
    this.#elapsedMs = elapsedMs;
  }

  /** End of the present pause. */
  get dueAtMs(): number {
    return this.#dueAtMs;
  }

  /** Should the probe under way fail. */
  get nextPauseMs(): number {
    return this.#pauseMs(this.#taken);
  }

  /** The first pause after the breaker was closed. */
  next(): IBackoff<unknown> {
    this.#taken = 0;
    return this.#begin();
  }

  #begin(): IBackoff<unknown> {
    const dueAtMs = this.#elapsedMs() + this.#pauseMs(this.#taken);
    this.#dueAtMs = dueAtMs;
    this.#taken += 1;
    const isOver = (): boolean => this.#elapsedMs() >= dueAtMs;
    return {
      get duration() {
        return isOver() ? -Infinity : Infinity;
      },
      next: () => this.#begin(),
    };
  }

  #pauseMs(at: number): number {
    return this.#pausesMs[Math.min(at, this.#pausesMs.length - 1)] ?? 0;
  }
}
