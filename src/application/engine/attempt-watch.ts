import type { PlannedStep } from '../../domain/plan.ts';
import type { Store } from '../../ports/store.ts';
import type { StoreChange } from '../../ports/change-feed.ts';
import type { ClaimedTask } from '../../ports/work-source.ts';
import { AttemptGuard, type GuardPorts } from './attempt-guard.ts';
import type { RunCache } from '../commands/run-cache.ts';
import { WakeSignal } from './wake-signal.ts';

/** How often other processes' writes make a worker look for cancellations, at most. */
const CANCEL_CHECK_MS = 200;
const MAX_SLEEP_MS = 60_000;

/**
 * One loop that watches over all attempts a worker runs: renewals, time limits, cancellations. A loop and a
 * subscription for each attempt cost more than a short step itself.
 */
export class AttemptWatch {
  readonly #ports: GuardPorts & { readonly store: Store; readonly runs: RunCache };
  readonly #guards = new Set<AttemptGuard>();
  readonly #wake: WakeSignal;
  #wakesAtMs = Infinity;
  #cancelCheckAtMs = Infinity;
  #wroteOthers = false;
  #isShutDown = false;

  constructor(ports: GuardPorts & { readonly store: Store; readonly runs: RunCache }) {
    this.#ports = ports;
    this.#wake = new WakeSignal(ports.clock);
  }

  begin(task: ClaimedTask, step: PlannedStep): AttemptGuard {
    const guard = new AttemptGuard(this.#ports, task, step);
    this.#guards.add(guard);
    if (this.#isShutDown) guard.stopFor('shutdown');
    if (guard.nextTickAtMs < this.#wakesAtMs) this.#wake.wake();
    return guard;
  }

  end(guard: AttemptGuard): void {
    this.#guards.delete(guard);
  }

  /** In the order of their beginning. */
  get guards(): Iterable<AttemptGuard> {
    return this.#guards;
  }

  /** Stops what runs, and what begins from now on. */
  stopAll(): void {
    this.#isShutDown = true;
    for (const guard of this.#guards) guard.stopFor('shutdown');
  }

  async run(signal: AbortSignal): Promise<void> {
    const unsubscribe = this.#ports.store.onChange((change) => this.#onChange(change));
    try {
      while (!signal.aborted) {
        for (const guard of this.#guards) guard.tick();
        if (this.#ports.clock.now() >= this.#cancelCheckAtMs) await this.#lookForCancellations();
        await this.#wake.wait(this.#sleepMs(), signal);
      }
    } finally {
      unsubscribe();
    }
  }

  #sleepMs(): number {
    const nowMs = this.#ports.clock.now();
    this.#wakesAtMs = Math.min(nowMs + MAX_SLEEP_MS, this.#cancelCheckAtMs);
    for (const guard of this.#guards)
      this.#wakesAtMs = Math.min(this.#wakesAtMs, guard.nextTickAtMs);
    return Math.max(1, this.#wakesAtMs - nowMs);
  }

  /** A cancellation is seen within moments, not at the next renewal. */
  #onChange({ key }: StoreChange): void {
    if (this.#guards.size === 0) return;
    if (key === undefined) this.#wroteOthers = true;
    if (this.#cancelCheckAtMs < Infinity) return;
    this.#cancelCheckAtMs = this.#ports.clock.now() + CANCEL_CHECK_MS;
    this.#wake.wake();
  }

  /** What this process wrote is in its cache. Reads only: a write here would wake the other processes in turn. */
  async #lookForCancellations(): Promise<void> {
    const { runs, logger, calls } = this.#ports;
    const mayBeStale = this.#wroteOthers;
    this.#cancelCheckAtMs = Infinity;
    this.#wroteOthers = false;
    const look = async (guard: AttemptGuard): Promise<void> => {
      const { key } = guard.lease;
      const run = mayBeStale ? await calls.track(() => runs.refresh(key)) : runs.peek(key);
      if (run?.state.run.status === 'cancelling') guard.stopFor('cancelled');
    };
    const looks = await Promise.allSettled([...this.#guards].map(look));
    for (const { status } of looks)
      if (status === 'rejected') logger.debug({}, 'no look at a run: the next renewal will tell');
  }
}
