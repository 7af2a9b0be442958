/** From the start of a worker until it is ready: its store is opened and handler files are loaded meanwhile. */
export const START_LIMIT_MS = 60_000;
/** From the request to end until a worker must have ended: running steps get 10 s, the store and the log are closed. */
export const DRAIN_LIMIT_MS = 60_000;
/** From its last word until the process must be gone: a handler's open socket or timer may keep it. */
const EXIT_LIMIT_MS = 5_000;

/**
 * How long a worker may be silent. Asked at an even pace with a clock that only moves on; one that asks late was asleep
 * itself, and so perhaps was the worker: it is then given its time again.
 */
export class Silence {
  readonly #checkEveryMs: number;
  #limitMs = START_LIMIT_MS;
  #heardAtMs: number;
  #endAtMs = Infinity;
  #checkedAtMs: number;

  constructor(nowMs: number, checkEveryMs: number) {
    this.#checkEveryMs = checkEveryMs;
    this.#heardAtMs = nowMs;
    this.#checkedAtMs = nowMs;
  }

  /** From now on it must be heard within this time. */
  ready(nowMs: number, limitMs: number): void {
    this.#limitMs = limitMs;
    this.#heardAtMs = nowMs;
  }

  beat(nowMs: number): void {
    this.#heardAtMs = nowMs;
  }

  draining(nowMs: number): void {
    this.#endAtMs = Math.min(this.#endAtMs, nowMs + DRAIN_LIMIT_MS);
  }

  done(nowMs: number): void {
    this.#endAtMs = Math.min(this.#endAtMs, nowMs + EXIT_LIMIT_MS);
  }

  isTooLong(nowMs: number): boolean {
    const lateMs = nowMs - this.#checkedAtMs - this.#checkEveryMs;
    this.#checkedAtMs = nowMs;
    if (lateMs > this.#checkEveryMs) {
      this.#heardAtMs += lateMs;
      this.#endAtMs += lateMs;
    }
    return nowMs > this.#endAtMs || nowMs - this.#heardAtMs > this.#limitMs;
  }
}
