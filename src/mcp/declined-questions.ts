/** Names kept; the oldest are forgotten, and asked for again. */
const MAX_DECLINED = 10_000;

/**
 * Questions that a caller's user would rather not answer: not asked again in this process. Nobody relies on it: a
 * question that comes once more is answered once more.
 */
export class DeclinedQuestions {
  readonly #names = new Set<string>();

  add(name: string): void {
    this.#names.add(name);
    const [oldest] = this.#names;
    if (oldest !== undefined && this.#names.size > MAX_DECLINED) this.#names.delete(oldest);
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }
}
