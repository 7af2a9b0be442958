import { priorityAt } from '../../ports/task-place.ts';

/** What one shard has to give: where it stands in the shard's own order, and whose it is. */
export interface Candidate {
  readonly shard: number;
  readonly age: number;
  readonly tenant: string;
}

const MAX_TENANTS = 1_000;

/**
 * Lets tenants take turns over several shards, each of which knows only the rounds of its own (ports/task-place.ts): of
 * the highest priority, whoever was served longest ago is served next with what is oldest of his. One tenant alone is
 * served in order of age. Remembered by this process only: what is lost with it is a turn.
 */
export class TenantTurns {
  readonly #servedAt = new Map<string, number>();
  #count = 0;

  /** Those among the candidates whose turn it is, at most `limit`; nobody has been served by that. */
  next(candidates: readonly Candidate[], limit: number): readonly Candidate[] {
    const waiting = new Map<string, Candidate[]>();
    for (const one of [...candidates].sort((a, b) => a.age - b.age)) {
      const own = waiting.get(one.tenant);
      if (own) own.push(one);
      else waiting.set(one.tenant, [one]);
    }
    if (waiting.size === 1) return [...waiting.values()].flat().slice(0, limit);
    const heads = [...waiting].map(([tenant, own]) => ({
      own: own.values(),
      servedAt: this.#servedAt.get(tenant) ?? 0,
    }));
    return takeTurns(heads, this.#count, limit);
  }

  served(tenants: readonly string[]): void {
    for (const tenant of tenants) {
      this.#count += 1;
      // Again at the end: the first is whoever was served longest ago.
      this.#servedAt.delete(tenant);
      this.#servedAt.set(tenant, this.#count);
    }
    for (const tenant of this.#servedAt.keys()) {
      if (this.#servedAt.size <= MAX_TENANTS) return;
      this.#servedAt.delete(tenant);
    }
  }
}

interface Waiting {
  readonly own: Iterator<Candidate, undefined>;
  readonly servedAt: number;
}

interface Head extends Waiting {
  readonly first: Candidate;
}

function takeTurns(waiting: readonly Waiting[], count: number, limit: number): Candidate[] {
  const line = waiting.flatMap((each) => headOf(each));
  const chosen: Candidate[] = [];
  while (chosen.length < limit) {
    line.sort(byTurn);
    const next = line.shift();
    if (!next) break;
    chosen.push(next.first);
    line.push(...headOf({ own: next.own, servedAt: count + chosen.length }));
  }
  return chosen;
}

function headOf(waiting: Waiting): Head[] {
  const { done, value } = waiting.own.next();
  return done === true ? [] : [{ ...waiting, first: value }];
}

const URGENCY = { high: 0, normal: 1, low: 2 } as const;

function byTurn(a: Head, b: Head): number {
  return (
    URGENCY[priorityAt(a.first.age)] - URGENCY[priorityAt(b.first.age)] ||
    a.servedAt - b.servedAt ||
    a.first.age - b.first.age
  );
}
