/** A binary heap: the smallest element, by `compare`, comes out first. */
export class Heap<T> {
  readonly #compare: (a: T, b: T) => number;
  readonly #elements: T[] = [];

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  peek(): T | undefined {
    return this.#elements[0];
  }

  push(element: T): void {
    const elements = this.#elements;
    let at = elements.length;
    for (let up = (at - 1) >> 1; at > 0; up = (at - 1) >> 1) {
      const parent = elements[up];
      if (parent === undefined || this.#compare(element, parent) >= 0) break;
      elements[at] = parent;
      at = up;
    }
    elements[at] = element;
  }

  pop(): T | undefined {
    const top = this.#elements[0];
    const last = this.#elements.pop();
    if (last !== undefined && this.#elements.length > 0) this.#sinkFromTop(last);
    return top;
  }

  #sinkFromTop(element: T): void {
    const elements = this.#elements;
    let at = 0;
    for (;;) {
      const down = this.#smallerChild(at);
      const child = elements[down];
      if (child === undefined || this.#compare(element, child) <= 0) break;
      elements[at] = child;
      at = down;
    }
    elements[at] = element;
  }

  #smallerChild(at: number): number {
    const left = this.#elements[2 * at + 1];
    const right = this.#elements[2 * at + 2];
    const rightIsSmaller =
      left !== undefined && right !== undefined && this.#compare(right, left) < 0;
    return 2 * at + (rightIsSmaller ? 2 : 1);
  }
}
