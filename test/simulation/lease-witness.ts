import type { CommitRequest, CommitResult } from '../../src/ports/run-store.ts';
import type { Lease } from '../../src/ports/work-source.ts';
import type { Violation } from '../support/invariants.ts';

/** Sees every lease that is given and every commit that relies on one: only the newest lease of an item counts. */
export class LeaseWitness {
  readonly violations: Violation[] = [];
  readonly #newest = new Map<string, number>();

  given(lease: Lease): void {
    const name = nameOf(lease);
    this.#newest.set(name, Math.max(lease.fence, this.#newest.get(name) ?? 0));
  }

  /** To be asked before the store is; answers what to do with the store's answer. */
  watch(request: CommitRequest): (result: CommitResult) => void {
    const stale = request.commands.filter(({ acknowledge: lease }) => {
      return lease !== undefined && lease.fence < (this.#newest.get(nameOf(lease)) ?? 0);
    });
    return (result) => {
      if (result.kind !== 'committed') return;
      for (const lease of result.leases) if (lease) this.given(lease);
      for (const { id } of stale)
        this.violations.push({
          invariant: 'I4',
          runId: request.key.runId,
          message: `command ${id} was accepted on a lease that somebody else had taken over`,
        });
    };
  }
}

function nameOf({ key, item, id }: Lease): string {
  return `${key.tenant}/${key.runId}/${item}/${id}`;
}
