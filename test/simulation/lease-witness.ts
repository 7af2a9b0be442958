import type { CommitRequest, CommitResult } from '../../src/ports/run-store.ts';
import type { Lease } from '../../src/ports/work-source.ts';
import { readEvent } from '../../src/domain/upcast.ts';
import type { Violation } from '../support/invariants.ts';
import { markOf } from './told-log.ts';

export type TaskLease = Pick<Lease, 'key' | 'id' | 'fence'>;

/**
 * Sees every lease that is given and every commit that relies on one, or records what somebody said who held one: only
 * the newest lease of an item counts.
 */
export class LeaseWitness {
  readonly violations: Violation[] = [];
  readonly #newest = new Map<string, number>();
  /** Under which lease each marked report was made. */
  readonly #reports = new Map<string, TaskLease>();

  given(lease: Lease): void {
    const name = nameOf(lease);
    this.#newest.set(name, Math.max(lease.fence, this.#newest.get(name) ?? 0));
  }

  reports(mark: string, lease: TaskLease): void {
    this.#reports.set(mark, lease);
  }

  /** Whether somebody was given the task after this lease. */
  isTaken(lease: TaskLease): boolean {
    return (this.#newest.get(nameOf({ ...lease, item: 'task' })) ?? 0) > lease.fence;
  }

  /** To be asked before the store is; answers what to do with the store's answer. */
  watch(request: CommitRequest): (result: CommitResult) => void {
    const stale = request.commands.filter(({ acknowledge: lease }) => {
      return lease !== undefined && lease.fence < (this.#newest.get(nameOf(lease)) ?? 0);
    });
    const late = this.#lateReports(request.events);
    return (result) => {
      if (result.kind !== 'committed') return;
      for (const mark of late)
        this.violations.push({
          invariant: 'I4',
          runId: request.key.runId,
          message: `report ${mark} was recorded after somebody else was given the task`,
        });
      for (const lease of result.leases) if (lease) this.given(lease);
      for (const { id } of stale)
        this.violations.push({
          invariant: 'I4',
          runId: request.key.runId,
          message: `command ${id} was accepted on a lease that somebody else had taken over`,
        });
    };
  }

  #lateReports(events: readonly string[]): string[] {
    if (this.#reports.size === 0) return [];
    return events.flatMap((text) => {
      const mark = markOf(readEvent(text));
      const lease = mark === undefined ? undefined : this.#reports.get(mark);
      return mark !== undefined && lease !== undefined && this.isTaken(lease) ? [mark] : [];
    });
  }
}

function nameOf({ key, item, id }: Pick<Lease, 'key' | 'item' | 'id'>): string {
  return `${key.tenant}/${key.runId}/${item}/${id}`;
}
