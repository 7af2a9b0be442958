import { fairShares } from '../application/access/fair-shares.ts';

/** Whose share is used up. */
export interface Sharer {
  readonly tenant: string;
  /** Of the caller; different in each tenant. */
  readonly id: string;
}

/** Who has taken all that there was for it: the caller, its tenant, or everybody together. */
export type Exhausted = 'caller' | 'tenant' | 'all';

/** A bounded amount, of which each tenant and each caller may hold a fair share. Keeps nothing of who holds nothing. */
export class SharedBudget {
  readonly #limit: number;
  readonly #ofTenants = new Map<string, number>();
  readonly #ofCallers = new Map<string, number>();
  #total = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get total(): number {
    return this.#total;
  }

  /** Takes all of the amount (`undefined`) or nothing. */
  take({ tenant, id }: Sharer, amount = 1): Exhausted | undefined {
    const { ofTenant, ofCaller } = fairShares(this.#limit, tenant);
    if ((this.#ofCallers.get(id) ?? 0) + amount > ofCaller) return 'caller';
    if (this.#total + amount > this.#limit) return 'all';
    if ((this.#ofTenants.get(tenant) ?? 0) + amount > ofTenant) return 'tenant';
    this.#add({ tenant, id }, amount);
    return undefined;
  }

  /** No more than was taken. */
  give(sharer: Sharer, amount = 1): void {
    this.#add(sharer, -amount);
  }

  #add({ tenant, id }: Sharer, amount: number): void {
    this.#total += amount;
    add(this.#ofTenants, tenant, amount);
    add(this.#ofCallers, id, amount);
  }
}

function add(held: Map<string, number>, name: string, amount: number): void {
  const now = (held.get(name) ?? 0) + amount;
  if (now === 0) held.delete(name);
  else held.set(name, now);
}
