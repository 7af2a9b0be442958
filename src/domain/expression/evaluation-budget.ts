/** Thrown when an evaluation would cost more than it may. */
export class EvaluationTooCostlyError extends Error {}

/**
 * Counts the work of one evaluation at a time. CEL functions get nothing but their arguments, so that the count
 * cannot travel with them; evaluation is synchronous, and `measure` gives each one its own count.
 */
export class EvaluationBudget {
  #left = 0;
  #spent = 0;

  /** Runs `body` with `units` to spend; nests. Throws what `body` throws, or that it was too costly. */
  measure<T>(units: number, body: () => T): T {
    const outer = this.#left;
    this.#left = units;
    try {
      const result = body();
      // CEL's || and && may swallow an error of one side: spent is spent.
      this.spend(0);
      return result;
    } finally {
      this.#left = outer;
    }
  }

  /** Units spent since the process began: two readings tell what lies between them. */
  get spent(): number {
    return this.#spent;
  }

  spend(units: number): void {
    this.#spent += units;
    this.#left -= units;
    if (this.#left < 0)
      throw new EvaluationTooCostlyError('the expression costs too much to evaluate');
  }
}
