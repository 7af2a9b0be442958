import { Heap } from './heap.ts';

/** Something that is claimed, leased and claimed again: a task, a timer, a message. */
export interface Claimable {
  /** Order of arrival. */
  readonly seq: number;
  /** The lowest is claimed first; of equal ones the first to arrive. */
  place: number;
  /** 0 while it waits (a timer: its due time), else when its lease expires. */
  claimableAtMs: number;
  /** Changes with every move; entries in the line with another stamp are void. */
  stamp: number;
}

interface Entry<Item> {
  readonly item: Item;
  readonly stamp: number;
  readonly atMs: number;
  readonly place: number;
}

/** Items in the order in which they may be claimed. Adding and taking cost O(log n). */
export class ClaimLine<Item extends Claimable> {
  readonly #waiting = new Heap<Entry<Item>>(byPlace);
  readonly #timed = new Heap<Entry<Item>>((a, b) => a.atMs - b.atMs || byPlace(a, b));

  /** Puts the item where its `claimableAtMs` says; where it stood before, in this line or another, it is gone. */
  place(item: Item): void {
    item.stamp += 1;
    const { stamp, claimableAtMs: atMs, place } = item;
    const entry = { item, stamp, atMs, place };
    (entry.atMs === 0 ? this.#waiting : this.#timed).push(entry);
  }

  /** Takes out at most `limit` items left behind or due, and at most `limit` that wait. Place each again. */
  take(nowMs: number, limit: number): Item[] {
    return [...pop(this.#timed, nowMs, limit), ...pop(this.#waiting, nowMs, limit)];
  }

  /** The next of those that wait. */
  firstWaiting(): Item | undefined {
    return peekValid(this.#waiting)?.item;
  }

  /** When the earliest item is claimable. */
  nextAtMs(): number | undefined {
    return peekValid(this.#waiting)?.atMs ?? peekValid(this.#timed)?.atMs;
  }
}

function byPlace(a: Entry<Claimable>, b: Entry<Claimable>): number {
  return a.place - b.place || a.item.seq - b.item.seq;
}

function pop<Item extends Claimable>(
  heap: Heap<Entry<Item>>,
  nowMs: number,
  limit: number,
): Item[] {
  const items: Item[] = [];
  while (items.length < limit) {
    const entry = peekValid(heap);
    if (!entry || entry.atMs > nowMs) break;
    heap.pop();
    items.push(entry.item);
  }
  return items;
}

function peekValid<Item extends Claimable>(heap: Heap<Entry<Item>>): Entry<Item> | undefined {
  let entry = heap.peek();
  while (entry && entry.stamp !== entry.item.stamp) {
    heap.pop();
    entry = heap.peek();
  }
  return entry;
}
