import type { WatchBudget } from '../resource-watch.ts';

/**
 * How many resources each caller has watched, over all its sessions and requests: each of them is read again every few
 * seconds, whoever subscribed.
 */
export class WatchBudgets {
  readonly #most: number;
  readonly #watched = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  of(callerId: string): WatchBudget {
    const watched = (): number => this.#watched.get(callerId) ?? 0;
    const set = (count: number): void => {
      if (count === 0) this.#watched.delete(callerId);
      else this.#watched.set(callerId, count);
    };
    return {
      left: () => Math.max(0, this.#most - watched()),
      take: (count) => set(watched() + count),
      give: (count) => set(watched() - count),
    };
  }
}
