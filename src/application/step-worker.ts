import { StoreUnavailableError } from '../ports/run-store.ts';
import type { ClaimedTask } from '../ports/work-source.ts';
import { AttemptWatch } from './attempt-watch.ts';
import { performTask, type TaskPorts } from './perform-task.ts';
import { WakeSignal } from './wake-signal.ts';
import { runWorkLoop } from './work-loop.ts';

/** How many tasks may run now; changes while the worker runs. */
export interface SlotLimit {
  readonly current: number;
}

export interface StepWorker {
  readonly busySlots: number;
  /** Claims until `stopClaiming` aborts, then waits for what still runs. Rejects only for a defect. */
  run(): Promise<void>;
}

/**
 * Claims tasks of its queues into free slots and runs them. If the process dies, its leases expire and other
 * workers go on; nothing is recorded twice.
 */
export function createStepWorker(
  ports: Omit<TaskPorts, 'watch'> & {
    readonly leaseDurationMs: number;
    readonly queues: readonly string[];
    readonly limit: SlotLimit;
    readonly stopClaiming: AbortSignal;
    /** Aborts when the worker must let go of what it runs. */
    readonly shutdown: AbortSignal;
  },
): StepWorker {
  const wake = new WakeSignal(ports.clock);
  const watch = new AttemptWatch(ports);
  const taskPorts: TaskPorts = { ...ports, watch };
  const running = new Set<Promise<void>>();
  const defects: unknown[] = [];

  const occupy = async (task: ClaimedTask): Promise<void> => {
    try {
      let next: ClaimedTask | undefined = task;
      while (next !== undefined) next = await continueOrRelease(next);
    } catch (defect) {
      if (defect instanceof StoreUnavailableError) {
        ports.logger.warn(
          { slot: task.slot },
          'store unavailable; the task is claimed again later',
        );
        return;
      }
      defects.push(defect);
      ports.logger.error({ error: String(defect), slot: task.slot }, 'a task ended in a defect');
    }
  };

  const continueOrRelease = async (task: ClaimedTask): Promise<ClaimedTask | undefined> => {
    if (!ports.shutdown.aborted) return performTask(taskPorts, task);
    await ports.store.release(task.lease);
    return undefined;
  };

  const start = (task: ClaimedTask): void => {
    const done: Promise<void> = occupy(task).then(() => {
      running.delete(done);
      wake.wake();
    });
    running.add(done);
  };

  const claim = async (): ReturnType<typeof ports.store.claimTasks> => {
    const { owner, queues, leaseDurationMs } = ports;
    const free = Math.max(0, ports.limit.current - running.size);
    if (free === 0) return { work: [] };
    return ports.store.claimTasks({ owner, queues, limit: free, leaseDurationMs });
  };

  return {
    get busySlots() {
      return running.size;
    },
    async run() {
      if (ports.queues.length === 0) return;
      const unsubscribe = ports.store.onChange((change) => {
        if (change.work) wake.wake();
      });
      const letGo = (): void => watch.stopAll();
      ports.shutdown.addEventListener('abort', letGo, { once: true });
      const allEnded = new AbortController();
      const watching = watch.run(allEnded.signal);
      try {
        const { clock, logger } = ports;
        const signal = AbortSignal.any([ports.stopClaiming, ports.shutdown]);
        await runWorkLoop<ClaimedTask>({
          clock,
          wake,
          signal,
          logger,
          claim,
          perform: async (task) => start(task),
        });
      } finally {
        unsubscribe();
        await Promise.all(running);
        allEnded.abort();
        await watching;
        ports.shutdown.removeEventListener('abort', letGo);
      }
      if (defects.length > 0) throw new AggregateError(defects, 'tasks ended in defects');
    },
  };
}
