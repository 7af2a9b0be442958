import { z } from 'zod';
import type { QueueDepth } from '../../ports/work-source.ts';
import { createGetHealth, type Health } from './get-health.ts';
import { translatingErrors } from '../commands/outcome-error.ts';
import { isOperator, seesInstallation, shownWorkers } from '../access/tenant-view.ts';
import type { ApplicationPorts, UseCase } from '../use-case.ts';
import { listActivity, type WorkerActivity } from '../engine/worker-presence.ts';

export const getActivityInputSchema = z.object({});
export type GetActivityInput = z.infer<typeof getActivityInputSchema>;

export interface HeldLease {
  readonly runId: string;
  readonly step: string;
  readonly workerId: string;
  readonly heldMs: number;
}

/** What goes on in the store's processes. Queues are of now; what workers say of themselves is at most 5 s old. */
export interface Activity {
  readonly atMs: number;
  readonly status: Health['status'];
  readonly reasons: readonly string[];
  readonly queues: readonly QueueDepth[];
  readonly workers: readonly WorkerActivity[];
  /** The longest first; of each worker at most 16. */
  readonly leases: readonly HeldLease[];
  /**
   * Finished in a second, as an average of each worker's last 5 s, by processes that run steps; `undefined` until one of
   * them has measured. What other processes record (reports of agents to a server without a worker) is not in it.
   */
  readonly rates: { readonly steps: number; readonly runs: number } | undefined;
}

/** One sample of what queues, workers and leases do. */
export function createGetActivity(ports: ApplicationPorts): UseCase<GetActivityInput, Activity> {
  const getHealth = createGetHealth(ports);
  return (context, input) =>
    translatingErrors('nothing', async () => {
      const [health, all] = await Promise.all([
        getHealth(context, input),
        listActivity(ports.store),
      ]);
      if (!health.ok) return health;
      const { status, reasons, queues } = health.value;
      const atMs = ports.clock.now();
      const leases = leasesOf(all, context.tenant, atMs);
      const workers = shownWorkers(context, all).map(({ holds, ...worker }) => ({
        ...worker,
        ...(holds && { holds: isOperator(context) ? holds : ofTenant(holds, context.tenant) }),
      }));
      // How much all tenants do together is for the installation to know.
      const rates = seesInstallation(context) ? ratesOf(all) : undefined;
      const value = { atMs, status, reasons, queues, workers, leases, rates };
      return { ok: true, value };
    });
}

function leasesOf(
  workers: readonly WorkerActivity[],
  tenant: string,
  nowMs: number,
): readonly HeldLease[] {
  return workers
    .flatMap(({ workerId, holds = [] }) =>
      ofTenant(holds, tenant).map(({ runId, step, sinceMs }) => ({
        ...{ runId, step, workerId },
        heldMs: Math.max(0, nowMs - sinceMs),
      })),
    )
    .sort((a, b) => b.heldMs - a.heldMs);
}

type Holds = NonNullable<WorkerActivity['holds']>;

function ofTenant(holds: Holds, tenant: string): Holds {
  return holds.filter((hold) => hold.tenant === tenant);
}

function ratesOf(workers: readonly WorkerActivity[]): Activity['rates'] {
  const measured = workers.flatMap(({ finished }) =>
    finished !== undefined && finished.recentMs > 0 ? finished : [],
  );
  if (measured.length === 0) return undefined;
  const rate = (of: 'recentSteps' | 'recentRuns'): number =>
    measured.reduce((sum, finished) => sum + (finished[of] * 1_000) / finished.recentMs, 0);
  return { steps: rate('recentSteps'), runs: rate('recentRuns') };
}
