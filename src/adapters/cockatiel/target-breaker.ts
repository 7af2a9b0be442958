import {
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleType,
  type CircuitBreakerPolicy,
} from 'cockatiel';
import type { Entry, OpenBreaker, Passage } from '../../ports/breakers.ts';
import type { Clock } from '../../ports/clock.ts';
import { ProbePauses } from './probe-pauses.ts';

export interface BreakerSettings {
  /** In a row, that open it. */
  readonly failures: number;
  /** From each opening to the next probe, in ms; the last one repeats. */
  readonly pausesMs: readonly number[];
  /** A probe that has not ended by then has failed, for the breaker: others may try. */
  readonly maxProbeMs: number;
}

export interface BreakerTime {
  /** For what people are shown. */
  readonly clock: Pick<Clock, 'now'>;
  /** Decides when to probe: never set back, unlike the time of day. */
  elapsedMs(): number;
}

const MAX_ERROR_CHARS = 200;

/** The target is at fault: all that the policy counts. */
class TargetFault extends Error {}
/** Says nothing of the target: passes the policy uncounted. */
class Abandoned extends Error {}

/** The breaker of one target: cockatiel's states, entered and left by two calls instead of around a function. */
export class TargetBreaker {
  readonly target: string;
  readonly #settings: BreakerSettings;
  readonly #time: BreakerTime;
  readonly #counter: ConsecutiveBreaker;
  readonly #pauses: ProbePauses;
  readonly #policy: CircuitBreakerPolicy;
  #probe: { readonly passage: Passage; readonly untilMs: number } | undefined;
  #sinceMs: number | undefined;
  #lastError = '';
  #usedAtMs = 0;

  constructor(
    target: string,
    settings: BreakerSettings,
    time: BreakerTime,
    onChange: (breaker: OpenBreaker | undefined) => void,
  ) {
    this.target = target;
    this.#settings = settings;
    this.#time = time;
    this.#counter = new ConsecutiveBreaker(settings.failures);
    this.#pauses = new ProbePauses(settings.pausesMs, () => time.elapsedMs());
    this.#policy = circuitBreaker(handleType(TargetFault), {
      breaker: this.#counter,
      halfOpenAfter: this.#pauses,
    });
    this.#policy.onBreak(() => {
      this.#sinceMs ??= time.clock.now();
      onChange(this.view);
    });
    this.#policy.onReset(() => {
      this.#sinceMs = undefined;
      onChange(undefined);
    });
  }

  /** Time of the last entry, as `elapsedMs` counts. */
  get usedAtMs(): number {
    return this.#usedAtMs;
  }

  /** `undefined`: closed. */
  get view(): OpenBreaker | undefined {
    const { state } = this.#policy;
    if (state === CircuitState.Closed) return undefined;
    const { target } = this;
    const leftMs = Math.max(0, this.#pauses.dueAtMs - this.#time.elapsedMs());
    const isTrying = state === CircuitState.HalfOpen;
    const nowMs = this.#time.clock.now();
    return {
      target,
      state: isTrying ? 'half_open' : 'open',
      failures: this.#counter.state,
      sinceMs: this.#sinceMs ?? nowMs,
      // Whole milliseconds, as everywhere in the store; not before its time.
      nextProbeAtMs: nowMs + Math.ceil(isTrying ? this.#pauses.nextPauseMs : leftMs),
      lastError: this.#lastError,
    };
  }

  enter(): Entry {
    this.#usedAtMs = this.#time.elapsedMs();
    this.#endLateProbe();
    const { view } = this;
    const isDue = this.#time.elapsedMs() >= this.#pauses.dueAtMs;
    // cockatiel lets calls wait for a probe's end: whoever asks here wants to be told at once.
    if (view !== undefined && (view.state === 'half_open' || !isDue))
      return { kind: 'refused', breaker: view };
    const passage = this.#pass();
    const isProbe = view !== undefined;
    if (isProbe) this.#probe = { passage, untilMs: this.#usedAtMs + this.#settings.maxProbeMs };
    return { kind: 'entered', passage, isProbe };
  }

  #pass(): Passage {
    const call = Promise.withResolvers<undefined>();
    // Its outcome is the caller's affair; here it only moves the states.
    const moved = this.#policy.execute(() => call.promise).catch(() => undefined);
    return {
      succeeded: () => {
        call.resolve(undefined);
        return moved;
      },
      failed: (error) => {
        this.#lastError = error.replaceAll(/\s+/g, ' ').slice(0, MAX_ERROR_CHARS);
        call.reject(new TargetFault());
        return moved;
      },
      abandoned: () => {
        // A probe that says nothing must not close it: the pause begins anew.
        const isProbe = this.#policy.state === CircuitState.HalfOpen;
        call.reject(isProbe ? new TargetFault() : new Abandoned());
        return moved;
      },
    };
  }

  #endLateProbe(): void {
    if (this.#policy.state !== CircuitState.HalfOpen || this.#probe === undefined) return;
    if (this.#time.elapsedMs() < this.#probe.untilMs) return;
    void this.#probe.passage.failed(`no answer to a trial within ${this.#settings.maxProbeMs} ms`);
    this.#probe = undefined;
  }
}
