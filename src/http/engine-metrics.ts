import { Counter, Gauge, type Registry } from 'prom-client';
import { DEFAULT_TENANT, type Scope } from '../application/access/access.ts';
import type { Application } from '../application/application.ts';
import type { Activity } from '../application/health/get-activity.ts';

/** Who reads figures is not told what names other tenants gave their queues: no more than runs:read shows. */
const READER = { tenant: DEFAULT_TENANT, scopes: new Set<Scope>(['runs:read']) };

/** What this process has counted since it started. */
export interface ProcessCounts {
  /** By what became of them. */
  readonly commands: ReadonlyMap<string, number>;
  readonly finished: { readonly steps: number; readonly runs: number };
}

export interface EngineMetrics {
  /** Asks the store once for everything that its gauges tell. */
  refresh(): Promise<void>;
}

export function createEngineMetrics(
  registry: Registry,
  sources: { readonly application: Application; readonly counts: ProcessCounts },
): EngineMetrics {
  countProcess(registry, sources.counts);
  const show = gaugesOfStore(registry);
  return {
    refresh: async () => {
      const context = { ...READER, actor: 'metrics', causationId: 'metrics' };
      const activity = await sources.application.getActivity(context, {});
      show(activity.ok ? activity.value : undefined);
    },
  };
}

function countProcess(registry: Registry, { commands, finished }: ProcessCounts): void {
  const registers = [registry];
  new Counter({
    name: 'baton_commands_total',
    help: 'Commands that this process executed, by outcome',
    labelNames: ['outcome'],
    registers,
    collect() {
      this.reset();
      for (const [outcome, count] of commands) this.inc({ outcome }, count);
    },
  });
  new Counter({
    name: 'baton_finished_steps_total',
    help: 'Steps whose end this process recorded',
    registers,
    collect() {
      this.reset();
      this.inc(finished.steps);
    },
  });
  new Counter({
    name: 'baton_finished_runs_total',
    help: 'Runs whose end this process recorded',
    registers,
    collect() {
      this.reset();
      this.inc(finished.runs);
    },
  });
}

/** Absent while the store does not answer: an old figure would be taken for a new one. */
function gaugesOfStore(registry: Registry): (activity: Activity | undefined) => void {
  const registers = [registry];
  const up = new Gauge({
    name: 'baton_store_up',
    help: 'Whether the store answered this scrape',
    registers,
  });
  const tasks = new Gauge({
    name: 'baton_queue_tasks',
    help: 'Tasks of a queue, in the whole store',
    labelNames: ['queue', 'state'],
    registers,
  });
  const workers = new Gauge({
    name: 'baton_workers',
    help: 'Workers alive, in the whole store',
    registers,
  });
  const busy = new Gauge({
    name: 'baton_busy_slots',
    help: 'Steps that run, in the whole store',
    registers,
  });
  return (activity) => {
    for (const gauge of [tasks, workers, busy]) gauge.reset();
    up.set(activity === undefined ? 0 : 1);
    if (activity === undefined) return;
    for (const { queue, waiting, leased } of activity.queues) {
      tasks.set({ queue, state: 'waiting' }, waiting);
      tasks.set({ queue, state: 'leased' }, leased);
    }
    workers.set(activity.workers.length);
    busy.set(activity.workers.reduce((sum, worker) => sum + worker.busy, 0));
  };
}
