import type { Clock } from '../../ports/clock.ts';

/**
 * Calls of the store that an engine's loops wait for. A store answers or fails within seconds, also when it is away; a
 * call that does neither has wedged its loop: nothing would be claimed or renewed any more, and nobody would know.
 */
export class PendingCalls {
  readonly #clock: Clock;
  readonly #pending = new Set<{ readonly sinceMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async track<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    const entry = { sinceMs: this.#clock.now() };
    this.#pending.add(entry);
    try {
      return await call();
    } finally {
      this.#pending.delete(entry);
    }
  }

  /** How long the oldest of them has been waited for; 0 when there is none. */
  get oldestMs(): number {
    // In the order of their beginning.
    const [oldest] = this.#pending;
    return oldest === undefined ? 0 : this.#clock.now() - oldest.sinceMs;
  }
}
