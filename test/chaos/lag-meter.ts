const EVERY_MS = 50;

/** How late this machine is with what is due: what it costs us, it costs the program under test too. */
export class LagMeter {
  #dueAtMs = performance.now() + EVERY_MS;
  #longestMs = 0;
  readonly #timer = setInterval(() => this.#look(), EVERY_MS);

  #look(): void {
    const nowMs = performance.now();
    this.#longestMs = Math.max(this.#longestMs, nowMs - this.#dueAtMs);
    this.#dueAtMs = nowMs + EVERY_MS;
  }

  /** Answers the longest delay seen. */
  stop(): number {
    clearInterval(this.#timer);
    return this.#longestMs;
  }
}
