/**
 * Answers whether one step comes, directly or through others, after another. Remembers what it found for each
 * target, so that many steps that refer to the same early step cost one walk together.
 */
export class Reachability {
  readonly #needs: readonly (readonly number[])[];
  readonly #levels: Int32Array;
  readonly #known = new Map<number, Map<number, boolean>>();

  /** Of a graph without cycles. */
  constructor(needs: readonly (readonly number[])[], levels: Int32Array) {
    this.#needs = needs;
    this.#levels = levels;
  }

  isAfter(node: number, target: number): boolean {
    if (this.#needs[node]?.includes(target) === true) return true;
    let known = this.#known.get(target);
    if (known === undefined) this.#known.set(target, (known = new Map<number, boolean>()));
    const found = this.#walk(node, target, known);
    known.set(node, found);
    return found;
  }

  #walk(start: number, target: number, known: Map<number, boolean>): boolean {
    const targetLevel = this.#levels[target] ?? 0;
    const seen = new Set([start]);
    // A set is walked in order of insertion, also while it grows.
    for (const node of seen) {
      if (node === target || known.get(node) === true) return true;
      if (known.get(node) === false) continue;
      for (const need of this.#needs[node] ?? []) {
        if (need === target) return true;
        // Whatever a step needs, even through others, lies on a lower level than the step.
        if ((this.#levels[need] ?? 0) > targetLevel) seen.add(need);
      }
    }
    for (const node of seen) known.set(node, false);
    return false;
  }
}
