import type { OpenBreaker } from '../../ports/breakers.ts';
import type { QueueDepth } from '../../ports/work-source.ts';
import { DEFAULT_TENANT } from './access.ts';
import type { WorkerPresence } from '../engine/worker-presence.ts';
import { readStoredQueue, readStoredTarget } from './tenant-names.ts';
import type { CallContext } from '../use-case.ts';

/** Of a process that all tenants share: who asks decides how much of it is told. */
export type Viewer = Pick<CallContext, 'tenant' | 'scopes'>;

/**
 * The processes with their environment, the store and the shared queues are the installation's, and that is of the tenant
 * `default`. No key of another tenant is shown them, whatever its scopes.
 */
export function seesInstallation({ tenant }: Pick<Viewer, 'tenant'>): boolean {
  return tenant === DEFAULT_TENANT;
}

/** Sees what is of other tenants, as far as it stands in the open: names of queues and targets, ids of runs under way. */
export function isOperator(viewer: Viewer): boolean {
  return seesInstallation(viewer) && viewer.scopes.has('admin');
}

/** Whose keys it may make, see and revoke, if it may do that with any. */
export function mayManage(viewer: Viewer, tenant: string): boolean {
  return tenant === viewer.tenant || isOperator(viewer);
}

/** The queues of a tenant's agents under the names that it knows; an operator sees those of others as they are stored. */
export function shownQueues(viewer: Viewer, depths: readonly QueueDepth[]): readonly QueueDepth[] {
  return depths.flatMap((depth) => {
    const { tenant, name } = readStoredQueue(depth.queue);
    if (tenant === viewer.tenant) return { ...depth, queue: name };
    if (tenant === undefined) return seesInstallation(viewer) ? depth : [];
    return isOperator(viewer) ? depth : [];
  });
}

export function shownWorkers<Worker extends WorkerPresence>(
  viewer: Viewer,
  workers: readonly Worker[],
): readonly Worker[] {
  if (isOperator(viewer)) return workers;
  if (!seesInstallation(viewer)) return [];
  return workers.map(({ breakers, ...worker }) => {
    const shown = breakers && shownBreakers(viewer, breakers);
    return { ...worker, ...(shown && { breakers: [...shown] }) } as Worker; // the same worker with fewer breakers
  });
}

/** As with queues; the store's own belongs to all. */
export function shownBreakers<Breaker extends OpenBreaker>(
  viewer: Viewer,
  breakers: readonly Breaker[],
): readonly Breaker[] {
  return breakers.flatMap((breaker) => {
    const { tenant, name } = readStoredTarget(breaker.target);
    if (tenant === undefined) return breaker;
    if (tenant === viewer.tenant) return { ...breaker, target: name };
    return isOperator(viewer) ? breaker : [];
  });
}
