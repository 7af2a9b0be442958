/** A bounded number of things that go on at once, in all and of one caller. */
export class Slots {
  readonly #limit: number;
  readonly #limitOfOne: number;
  readonly #taken = new Map<string, number>();
  #total = 0;
  #emptied: PromiseWithResolvers<undefined> | undefined;

  /** One caller may have half of them, so that it cannot keep the others out. */
  constructor(limit: number) {
    this.#limit = limit;
    this.#limitOfOne = Math.max(1, Math.ceil(limit / 2));
  }

  get total(): number {
    return this.#total;
  }

  /** Resolves when all have been given back. */
  async whenEmpty(): Promise<void> {
    if (this.#total === 0) return;
    this.#emptied ??= Promise.withResolvers();
    await this.#emptied.promise;
  }

  /** Answers what gives the slot back (once), or who has taken all: the caller itself, or everybody. */
  take(caller: string): (() => void) | 'caller' | 'all' {
    const taken = this.#taken.get(caller) ?? 0;
    if (taken >= this.#limitOfOne) return 'caller';
    if (this.#total >= this.#limit) return 'all';
    this.#taken.set(caller, taken + 1);
    this.#total += 1;
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#give(caller);
    };
  }

  #give(caller: string): void {
    const left = (this.#taken.get(caller) ?? 1) - 1;
    if (left === 0) this.#taken.delete(caller);
    else this.#taken.set(caller, left);
    this.#total -= 1;
    if (this.#total > 0) return;
    this.#emptied?.resolve(undefined);
    this.#emptied = undefined;
  }
}
