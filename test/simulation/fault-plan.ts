import type { Random } from './random.ts';

export type FaultKind = 'none' | 'crash-before' | 'crash-after' | 'request-lost' | 'reply-lost';

/** What happens to one call of the store. */
export interface Fault {
  readonly kind: FaultKind;
  /** In the network, before the store sees the request. */
  readonly delayMs: number;
  readonly replyDelayMs: number;
}

const NO_FAULT: Fault = { kind: 'none', delayMs: 0, replyDelayMs: 0 };
const LOST: Fault = { kind: 'request-lost', delayMs: 0, replyDelayMs: 0 };

interface Rates {
  readonly crash: number;
  readonly lost: number;
  readonly slow: number;
  /** Beyond the length of a lease. */
  readonly verySlow: number;
  readonly notice: number;
}

/**
 * The faults of one seed. Each kind is left out of about half of the seeds: a rare interleaving of one kind shows best
 * where the others do not end it early.
 */
export class FaultPlan {
  readonly #random: Random;
  readonly #rates: Rates;
  readonly #heal = new AbortController();
  readonly #outages = new Map<string, number>();
  #isHealed = false;

  constructor(random: Random) {
    this.#random = random;
    const rate = (...values: [number, ...number[]]): number =>
      random.chance(0.5) ? 0 : random.pick(values);
    this.#rates = {
      crash: rate(0.002, 0.01, 0.03),
      lost: rate(0.01, 0.05, 0.2),
      slow: rate(0.05, 0.3, 0.8),
      verySlow: rate(0.002, 0.01, 0.03),
      notice: rate(0.1, 0.5, 1),
    };
  }

  /** Aborts when faults stop: what is in the network arrives then. */
  get healed(): AbortSignal {
    return this.#heal.signal;
  }

  heal(): void {
    this.#isHealed = true;
    this.#heal.abort();
  }

  /** The store answers nobody of that name (`all`: nobody at all) until `endOutage`. */
  beginOutage(name: string): void {
    this.#outages.set(name, (this.#outages.get(name) ?? 0) + 1);
  }

  endOutage(name: string): void {
    this.#outages.set(name, Math.max(0, (this.#outages.get(name) ?? 0) - 1));
  }

  draw(process: string): Fault {
    if (this.#isHealed) return NO_FAULT;
    if ((this.#outages.get('all') ?? 0) > 0 || (this.#outages.get(process) ?? 0) > 0) return LOST;
    const random = this.#random;
    return {
      kind: this.#drawKind(random.next()),
      delayMs: this.#drawDelayMs(),
      replyDelayMs: this.#drawDelayMs(),
    };
  }

  dropsNotice(): boolean {
    return !this.#isHealed && this.#random.chance(this.#rates.notice);
  }

  #drawKind(roll: number): FaultKind {
    const { crash, lost } = this.#rates;
    if (roll < crash / 2) return 'crash-before';
    if (roll < crash) return 'crash-after';
    if (roll < crash + lost / 2) return 'request-lost';
    return roll < crash + lost ? 'reply-lost' : 'none';
  }

  #drawDelayMs(): number {
    const random = this.#random;
    const roll = random.next();
    if (roll < this.#rates.verySlow) return random.int(5_000, 30_000);
    return roll < this.#rates.verySlow + this.#rates.slow ? random.int(1, 150) : 0;
  }
}
