import { SharedBudget, type Exhausted, type Sharer } from './shared-budget.ts';

/** A bounded number of things that go on at once, with a fair share for each tenant and caller. */
export class Slots {
  readonly #budget: SharedBudget;
  #emptied: PromiseWithResolvers<undefined> | undefined;

  constructor(limit: number) {
    this.#budget = new SharedBudget(limit);
  }

  get total(): number {
    return this.#budget.total;
  }

  /** Resolves when all have been given back. */
  async whenEmpty(): Promise<void> {
    if (this.total === 0) return;
    this.#emptied ??= Promise.withResolvers();
    await this.#emptied.promise;
  }

  /** Answers what gives the slot back (once), or who has taken all. */
  take(sharer: Sharer): (() => void) | Exhausted {
    const exhausted = this.#budget.take(sharer);
    if (exhausted !== undefined) return exhausted;
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#give(sharer);
    };
  }

  #give(sharer: Sharer): void {
    this.#budget.give(sharer);
    if (this.total > 0) return;
    this.#emptied?.resolve(undefined);
    this.#emptied = undefined;
  }
}
