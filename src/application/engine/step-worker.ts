import { StoreUnavailableError } from '../../ports/run-store.ts';
import type { Claimed, ClaimedTask } from '../../ports/work-source.ts';
import type { AttemptGuard } from './attempt-guard.ts';
import { AttemptWatch } from './attempt-watch.ts';
import type { PendingCalls } from './pending-calls.ts';
import { performTask } from './perform-task.ts';
import type { TaskPorts } from './task-report.ts';
import { WakeSignal } from './wake-signal.ts';
import { runWorkLoop } from './work-loop.ts';

/** How many tasks may run now; changes while the worker runs. */
export interface SlotLimit {
  readonly current: number;
}

export interface StepWorker {
  readonly busySlots: number;
  /** Attempts that run, the longest first. */
  readonly running: Iterable<AttemptGuard>;
  /** Claims until `stopClaiming` aborts, then waits for what still runs. */
  run(): Promise<void>;
}

export type StepWorkerPorts = Omit<TaskPorts, 'watch'> & {
  readonly queues: readonly string[];
  readonly limit: SlotLimit;
  readonly calls: PendingCalls;
  readonly stopClaiming: AbortSignal;
  /** Aborts when the worker must let go of what it runs. */
  readonly shutdown: AbortSignal;
};

/**
 * Claims tasks of its queues into free slots and runs them. If the process dies, its leases expire and other
 * workers go on; nothing is recorded twice.
 */
export function createStepWorker(ports: StepWorkerPorts): StepWorker {
  return new SlotWorker(ports);
}

class SlotWorker implements StepWorker {
  readonly #ports: StepWorkerPorts;
  readonly #taskPorts: TaskPorts;
  readonly #wake: WakeSignal;
  readonly #watch: AttemptWatch;
  readonly #running = new Set<Promise<void>>();

  constructor(ports: StepWorkerPorts) {
    this.#ports = ports;
    this.#wake = new WakeSignal(ports.clock);
    this.#watch = new AttemptWatch(ports);
    this.#taskPorts = { ...ports, watch: this.#watch };
  }

  get busySlots(): number {
    return this.#running.size;
  }

  get running(): Iterable<AttemptGuard> {
    return this.#watch.guards;
  }

  async run(): Promise<void> {
    const { store, queues, shutdown } = this.#ports;
    if (queues.length === 0) return;
    const unsubscribe = store.onChange((change) => {
      if (change.work) this.#wake.wake();
    });
    const letGo = (): void => this.#watch.stopAll();
    shutdown.addEventListener('abort', letGo, { once: true });
    const allEnded = new AbortController();
    const watching = this.#watch.run(allEnded.signal);
    try {
      await this.#claimAndStart();
    } finally {
      unsubscribe();
      await Promise.all(this.#running);
      allEnded.abort();
      await watching;
      shutdown.removeEventListener('abort', letGo);
    }
  }

  #claimAndStart(): Promise<void> {
    const { clock, logger, stopClaiming, shutdown } = this.#ports;
    return runWorkLoop<ClaimedTask>({
      clock,
      logger,
      wake: this.#wake,
      signal: AbortSignal.any([stopClaiming, shutdown]),
      claim: () => this.#claim(),
      perform: async (task) => this.#start(task),
    });
  }

  async #claim(): Promise<Claimed<ClaimedTask>> {
    const { store, owner, queues, leaseDurationMs, calls } = this.#ports;
    const limit = Math.max(0, this.#ports.limit.current - this.#running.size);
    // A slot that comes free wakes the loop.
    if (limit === 0) return { work: [] };
    return calls.track(() => store.claimTasks({ owner, queues, limit, leaseDurationMs }));
  }

  #start(task: ClaimedTask): void {
    const done: Promise<void> = this.#occupy(task).then(() => {
      this.#running.delete(done);
      this.#wake.wake();
    });
    this.#running.add(done);
  }

  /** Runs the task and whatever is handed on after it. */
  async #occupy(task: ClaimedTask): Promise<void> {
    try {
      let next: ClaimedTask | undefined = task;
      while (next !== undefined) next = await this.#performOrRelease(next);
    } catch (error) {
      const { logger } = this.#ports;
      const { slot } = task;
      if (error instanceof StoreUnavailableError)
        return logger.warn({ slot }, 'store unavailable; the task is claimed again later');
      // One task must not take the others down: its lease runs out, and too many of these make it `poison`.
      logger.error({ error: String(error), slot }, 'a task ended in a defect');
    }
  }

  #performOrRelease(task: ClaimedTask): Promise<ClaimedTask | undefined> {
    return this.#ports.shutdown.aborted ? this.#release(task) : performTask(this.#taskPorts, task);
  }

  async #release(task: ClaimedTask): Promise<undefined> {
    await this.#ports.store.release(task.lease);
    return undefined;
  }
}
