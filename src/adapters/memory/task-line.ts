import { ClaimLine } from './claim-line.ts';
import type { MemoryTask } from './memory-database.ts';

/** The tasks of one queue and priority, and whose turn it is there (ports/task-place.ts). */
export class TaskLine extends ClaimLine<MemoryTask> {
  /** Places, in order: only the last one is ever new. Those before `#from` are over. */
  #rounds: number[] = [];
  #from = 0;
  /** Of each tenant: its last place. */
  readonly #last = new Map<string, number>();

  /** The place of the tenant's next task; `own` is higher than every place before. */
  nextPlace(tenant: string, own: number): number {
    this.#forgetPast();
    const joined = this.#firstRoundAfter(this.#last.get(tenant) ?? -Infinity);
    const place = joined ?? own;
    if (joined === undefined) this.#rounds.push(own);
    this.#last.set(tenant, place);
    return place;
  }

  #forgetPast(): void {
    const head = this.firstWaiting()?.place;
    if (head === undefined) {
      this.#rounds = [];
      this.#from = 0;
      this.#last.clear();
      return;
    }
    this.#from = this.#search(head - 1);
    if (this.#from * 2 > this.#rounds.length) {
      this.#rounds.splice(0, this.#from);
      this.#from = 0;
    }
  }

  #firstRoundAfter(place: number): number | undefined {
    return this.#rounds[this.#search(place)];
  }

  /** The first index, from `#from` on, of a round after this place. */
  #search(place: number): number {
    let [low, high] = [this.#from, this.#rounds.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#rounds[middle] ?? 0) <= place) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
