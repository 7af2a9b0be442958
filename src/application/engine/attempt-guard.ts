import type { Json } from '../../domain/json.ts';
import type { PlannedStep } from '../../domain/plan.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import type { WorkSource } from '../../ports/work-source.ts';
import { MAX_HEARTBEAT_CHARS, type ClaimedTask, type Lease } from '../../ports/work-source.ts';
import { checkJson } from '../call-arguments.ts';
import type { PendingCalls } from './pending-calls.ts';

export type StopReason = 'timeout' | 'heartbeat_timeout' | 'cancelled' | 'lease_lost' | 'shutdown';

/** A lease is renewed when a third of it has passed: two renewals may get lost. */
const RENEWALS_PER_LEASE = 3;

export interface GuardPorts {
  readonly store: WorkSource;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly leaseDurationMs: number;
  readonly calls: PendingCalls;
}

/**
 * One running attempt as its worker sees it: holds the lease and the last heartbeat, and stops the attempt on timeout,
 * missed heartbeat, cancellation, lost lease or shutdown. It has no loop of its own: AttemptWatch calls `tick`.
 */
export class AttemptGuard {
  readonly #ports: GuardPorts;
  readonly #step: Pick<PlannedStep, 'timeoutMs' | 'heartbeatMs'>;
  /** Made when a handler asks for the signal: most steps end before anybody would stop them. */
  #stop: AbortController | undefined;
  readonly startedAtMs: number;
  #lease: Lease;
  #heartbeat: Json | undefined;
  #lastBeatAtMs: number;
  #renewAtMs: number;
  #isRenewing = false;
  #stopReason: StopReason | undefined;
  #isLetGo = false;

  constructor(
    ports: GuardPorts,
    task: Pick<ClaimedTask, 'lease' | 'heartbeat'>,
    step: Pick<PlannedStep, 'timeoutMs' | 'heartbeatMs'>,
  ) {
    this.#ports = ports;
    this.#step = step;
    this.#lease = task.lease;
    this.#heartbeat = task.heartbeat;
    this.startedAtMs = ports.clock.now();
    this.#lastBeatAtMs = this.startedAtMs;
    this.#renewAtMs = this.#nextRenewal();
  }

  /** Aborts when the attempt must stop. */
  get signal(): AbortSignal {
    if (this.#stop === undefined) {
      this.#stop = new AbortController();
      if (this.#stopReason !== undefined) this.#stop.abort(this.#stopReason);
    }
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

  /** A payload that is too long, or no acceptable JSON (nested too deeply, prototype keys), counts as a beat and leaves the last one in place. */
  beat(payload: Json): void {
    this.#lastBeatAtMs = this.#ports.clock.now();
    const json = checkJson(payload);
    const length = json.ok ? json.text.length : undefined;
    if (length !== undefined && length <= MAX_HEARTBEAT_CHARS) this.#heartbeat = payload;
    else this.#ports.logger.warn({ length, limit: MAX_HEARTBEAT_CHARS }, 'heartbeat not kept');
  }

  /** When `tick` next has something to do. */
  get nextTickAtMs(): number {
    const { timeoutMs = Infinity, heartbeatMs = Infinity } = this.#step;
    const stopAtMs = Math.min(this.startedAtMs + timeoutMs, this.#lastBeatAtMs + heartbeatMs);
    return Math.min(this.#renewAtMs, this.#stopReason === undefined ? stopAtMs : Infinity);
  }

  /** Stops what is over its time, and renews a lease that is due. Never rejects. */
  tick(): void {
    const nowMs = this.#ports.clock.now();
    const { timeoutMs = Infinity, heartbeatMs = Infinity } = this.#step;
    if (nowMs >= this.startedAtMs + timeoutMs) this.stopFor('timeout');
    else if (nowMs >= this.#lastBeatAtMs + heartbeatMs) this.stopFor('heartbeat_timeout');
    if (nowMs >= this.#renewAtMs) void this.#renew();
  }

  /** Nothing is gained by reporting for longer than once: the process is to end, or the task is somebody else's. */
  get isLetGo(): boolean {
    return this.#isLetGo;
  }

  stopFor(reason: StopReason): void {
    this.#isLetGo ||= reason === 'shutdown' || reason === 'lease_lost';
    // Losing the lease outranks the rest: the attempt is somebody else's now.
    if (reason === 'lease_lost' || this.#stopReason === undefined) this.#stopReason = reason;
    // With a reason of its own; without one every abort makes a DOMException with a stack.
    this.#stop?.abort(reason);
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

  async #renew(): Promise<void> {
    this.#renewAtMs = this.#nextRenewal();
    if (this.#isRenewing || this.#stopReason === 'lease_lost') return;
    this.#isRenewing = true;
    try {
      await this.#ports.calls.track(() => this.#renewOnce());
    } catch (error) {
      this.#ports.logger.warn({ reason: String(error) }, 'could not renew a lease');
      if (this.#ports.clock.now() > this.#lease.expiresAtMs) this.stopFor('lease_lost');
    } finally {
      this.#isRenewing = false;
    }
  }

  async #renewOnce(): Promise<void> {
    const { store, leaseDurationMs } = this.#ports;
    const renewed = await store.renew(this.#lease, leaseDurationMs, this.#heartbeat);
    if (renewed.kind === 'leaseLost') return this.stopFor('lease_lost');
    this.#lease = renewed.lease;
    if (renewed.cancelRequested) this.stopFor('cancelled');
  }

  #nextRenewal(): number {
    return this.#ports.clock.now() + this.#ports.leaseDurationMs / RENEWALS_PER_LEASE;
  }
}
