import type { Json } from '../domain/json.ts';
import type { PlannedStep } from '../domain/plan.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import { StoreUnavailableError } from '../ports/run-store.ts';
import type { Store } from '../ports/store.ts';
import { MAX_HEARTBEAT_CHARS, type ClaimedTask, type Lease } from '../ports/work-source.ts';
import type { RunCache } from './run-cache.ts';

export type StopReason = 'timeout' | 'heartbeat_timeout' | 'cancelled' | 'lease_lost' | 'shutdown';

/** A lease is renewed when a third of it has passed: two renewals may get lost. */
const RENEWALS_PER_LEASE = 3;
/** How often other processes' writes make a running step look for its cancellation, at most. */
const CANCEL_CHECK_MS = 200;

interface GuardPorts {
  readonly store: Store;
  readonly runs: RunCache;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly leaseDurationMs: number;
  readonly shutdown: AbortSignal;
}

/**
 * Watches over one running attempt: renews its lease, carries heartbeats, and stops it on timeout, missed heartbeat,
 * cancellation, lost lease or shutdown. Every loop it starts ends with `close`.
 */
export class AttemptGuard {
  readonly #ports: GuardPorts;
  readonly #stop = new AbortController();
  readonly #closed = new AbortController();
  readonly #loops: Promise<void>[];
  readonly #unsubscribe: () => void;
  #lease: Lease;
  #heartbeat: Json | undefined;
  #lastBeatAtMs: number;
  #stopReason: StopReason | undefined;
  #isChecking = false;

  constructor(ports: GuardPorts, task: ClaimedTask, step: PlannedStep) {
    this.#ports = ports;
    this.#lease = task.lease;
    this.#heartbeat = task.heartbeat;
    this.#lastBeatAtMs = ports.clock.now();
    this.#loops = [
      this.#renew(),
      ...(step.timeoutMs === undefined ? [] : [this.#limit(step.timeoutMs)]),
      ...(step.heartbeatMs === undefined ? [] : [this.#expectBeats(step.heartbeatMs)]),
    ];
    ports.shutdown.addEventListener('abort', this.#onShutdown, { once: true });
    if (ports.shutdown.aborted) this.#onShutdown();
    this.#unsubscribe = ports.store.onChange((change) => {
      const isOther = change.key !== undefined && change.key.runId !== this.#lease.key.runId;
      if (!isOther) void this.#lookForCancellation(change.key === undefined);
    });
  }

  /** Aborts when the attempt must stop. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get stopReason(): StopReason | undefined {
    return this.#stopReason;
  }

  /** As last renewed. */
  get lease(): Lease {
    return this.#lease;
  }

  get heartbeat(): Json | undefined {
    return this.#heartbeat;
  }

  beat(payload: Json): void {
    this.#heartbeat = payload;
    this.#lastBeatAtMs = this.#ports.clock.now();
  }

  /** Gives the task back to its queue, with the last heartbeat for whoever takes it next. */
  async release(): Promise<void> {
    try {
      if (this.#heartbeat !== undefined) await this.#renewOnce();
      await this.#ports.store.release(this.#lease);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      this.#ports.logger.warn(
        { reason: error.message },
        'could not release; the lease will expire',
      );
    }
  }

  async close(): Promise<void> {
    this.#ports.shutdown.removeEventListener('abort', this.#onShutdown);
    this.#unsubscribe();
    this.#closed.abort();
    await Promise.all(this.#loops);
  }

  readonly #onShutdown = (): void => this.#stopFor('shutdown');

  #stopFor(reason: StopReason): void {
    // Losing the lease outranks the rest: the attempt is somebody else's now.
    if (reason === 'lease_lost' || this.#stopReason === undefined) this.#stopReason = reason;
    this.#stop.abort(reason);
  }

  async #renew(): Promise<void> {
    const { clock, leaseDurationMs } = this.#ports;
    while (this.#stopReason !== 'lease_lost') {
      await clock.sleep(leaseDurationMs / RENEWALS_PER_LEASE, this.#closed.signal);
      if (this.#closed.signal.aborted) return;
      try {
        await this.#renewOnce();
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        if (clock.now() > this.#lease.expiresAtMs) this.#stopFor('lease_lost');
      }
    }
  }

  async #renewOnce(): Promise<void> {
    const { store, leaseDurationMs } = this.#ports;
    const renewed = await store.renew(this.#lease, leaseDurationMs, this.#bounded());
    if (renewed.kind === 'leaseLost') return this.#stopFor('lease_lost');
    this.#lease = renewed.lease;
    if (renewed.cancelRequested) this.#stopFor('cancelled');
  }

  #bounded(): Json | undefined {
    if (this.#heartbeat === undefined) return undefined;
    const length = JSON.stringify(this.#heartbeat).length;
    if (length <= MAX_HEARTBEAT_CHARS) return this.#heartbeat;
    this.#ports.logger.warn(
      { length, limit: MAX_HEARTBEAT_CHARS },
      'heartbeat payload too long; not kept',
    );
    return undefined;
  }

  async #limit(timeoutMs: number): Promise<void> {
    await this.#ports.clock.sleep(timeoutMs, this.#closed.signal);
    if (!this.#closed.signal.aborted) this.#stopFor('timeout');
  }

  async #expectBeats(heartbeatMs: number): Promise<void> {
    const { clock } = this.#ports;
    while (!this.#closed.signal.aborted) {
      const silentMs = clock.now() - this.#lastBeatAtMs;
      if (silentMs >= heartbeatMs) return this.#stopFor('heartbeat_timeout');
      await clock.sleep(heartbeatMs - silentMs, this.#closed.signal);
    }
  }

  /** A cancellation is seen within moments, not at the next renewal. Reads only: a write would wake the others. */
  async #lookForCancellation(isByOther: boolean): Promise<void> {
    if (this.#isChecking || this.#stop.signal.aborted) return;
    this.#isChecking = true;
    try {
      const { runs, clock } = this.#ports;
      const { key } = this.#lease;
      if (isByOther) await clock.sleep(CANCEL_CHECK_MS, this.#closed.signal);
      if (this.#closed.signal.aborted) return;
      const run = isByOther ? await runs.refresh(key) : await runs.get(key);
      if (run?.state.run.status === 'cancelling') this.#stopFor('cancelled');
    } catch (error) {
      this.#ports.logger.debug(
        { reason: String(error) },
        'the next renewal tells of a cancellation',
      );
    } finally {
      this.#isChecking = false;
    }
  }
}
