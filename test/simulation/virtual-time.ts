import type { Clock } from '../../src/ports/clock.ts';
import type { Random } from './random.ts';

export const START_MS = 1_700_000_000_000;
/** A loop that never lets time pass would hang the test instead of failing it. */
const MAX_CALLS_AT_ONE_INSTANT = 20_000;

interface Sleeper {
  readonly dueMs: number;
  /** Draws the order of sleepers that are due together. */
  readonly turn: number;
  readonly owner: object | undefined;
  wake(): void;
}

/**
 * Time that moves only when nothing can run: then it goes on to the next sleeper. Sleeps measure elapsed time; the
 * wall clock can jump ahead of it, as real ones do, so that leases run out before their holder wakes.
 */
export class VirtualTime {
  readonly #random: Random;
  readonly #sleepers: Sleeper[] = [];
  #elapsedMs = 0;
  #jumpedMs = 0;
  #callsNow = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Epoch milliseconds by the wall clock. */
  now(): number {
    return START_MS + this.#elapsedMs + this.#jumpedMs;
  }

  get elapsedMs(): number {
    return this.#elapsedMs;
  }

  jump(byMs: number): void {
    this.#jumpedMs += byMs;
  }

  /** A sleeper with an owner never wakes once the owner is dropped. */
  sleep(delayMs: number, signal?: AbortSignal, owner?: object): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const dueMs = this.#elapsedMs + Math.max(0, delayMs);
      const sleeper: Sleeper = { dueMs, turn: this.#random.next(), owner, wake };
      const onAbort = (): void => {
        const at = this.#sleepers.indexOf(sleeper);
        if (at < 0) return; // its owner died
        this.#sleepers.splice(at, 1);
        resolve();
      };
      this.#insert(sleeper);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** The owner died: its sleeps end without anybody waking. */
  drop(owner: object): void {
    const kept = this.#sleepers.filter((sleeper) => sleeper.owner !== owner);
    this.#sleepers.splice(0, this.#sleepers.length, ...kept);
  }

  /** Lets everything run until the promise settles. Throws when it can never settle. */
  async runUntil<Value>(promise: Promise<Value>): Promise<Value> {
    const outcome = { isSettled: false };
    const settled = promise.finally(() => (outcome.isSettled = true));
    settled.catch(() => undefined); // reported by the return below
    for (;;) {
      await untilQuiet();
      if (outcome.isSettled) return settled;
      const next = this.#sleepers.shift();
      if (next === undefined) throw new Error('everything waits and nothing sleeps: a deadlock');
      if (next.dueMs > this.#elapsedMs) this.#callsNow = 0;
      this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs);
      this.countCall();
      next.wake();
    }
  }

  /** Throws when so much happens at one instant that time would never pass again. */
  countCall(): void {
    this.#callsNow += 1;
    if (this.#callsNow > MAX_CALLS_AT_ONE_INSTANT)
      throw new Error('a loop keeps time from passing');
  }

  #insert(sleeper: Sleeper): void {
    let low = 0;
    let high = this.#sleepers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#sleepers[middle];
      if (other !== undefined && isBefore(other, sleeper)) low = middle + 1;
      else high = middle;
    }
    this.#sleepers.splice(low, 0, sleeper);
  }
}

/** The clock of one process: it stands still while the process does, and for ever when it dies. */
export function clockOf(
  time: VirtualTime,
  process: { readonly isDead: boolean; thawed(): Promise<void> | undefined },
): Clock {
  return {
    now: () => time.now(),
    sleep: async (delayMs, signal) => {
      if (process.isDead) return never();
      await time.sleep(delayMs, signal, process);
      await process.thawed();
    },
  };
}

export function never<Value>(): Promise<Value> {
  return new Promise<Value>(() => undefined);
}

function isBefore(a: Sleeper, b: Sleeper): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.turn < b.turn);
}

/** Promise callbacks all run before the next macrotask: nothing in the simulation waits for anything else. */
function untilQuiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
