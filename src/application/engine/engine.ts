import type { Breakers } from '../../ports/breakers.ts';
import type { Clock } from '../../ports/clock.ts';
import type { IdSource } from '../../ports/id-source.ts';
import type { LoadProbe } from '../../ports/load-probe.ts';
import type { Logger } from '../../ports/logger.ts';
import type { StepHandler } from '../../ports/step-handler.ts';
import type { Store } from '../../ports/store.ts';
import { toldBreakers } from '../health/breaker-health.ts';
import { nextLimit } from './concurrency-governor.ts';
import type { ExecuteCommand } from '../commands/execute-command.ts';
import { FinishedSamples, type FinishedCount } from './finished-count.ts';
import { PendingCalls } from './pending-calls.ts';
import { runRetention, type RetentionRule } from './retention.ts';
import type { RunCache } from '../commands/run-cache.ts';
import { createStepWorker, type StepWorker } from './step-worker.ts';
import { runTimerWorker } from './timer-worker.ts';
import { MAX_TOLD_LEASES, runPresence, type WorkerActivity } from './worker-presence.ts';

const GOVERN_EVERY_MS = 1_000;
/** Longer than any store takes to answer, or to say that it does not. */
const STALLED_AFTER_MS = 10_000;

export interface EngineConfig {
  /** `auto` adapts between 1 and four tasks a core to the machine's load. */
  readonly concurrency: number | 'auto';
  readonly leaseDurationMs: number;
  readonly retention: RetentionRule;
}

export interface Engine {
  readonly workerId: string;
  /**
   * A loop waits for the store longer than a store ever takes: nothing is claimed or renewed any more. A store that is
   * away is no stall: it fails each call, and the loops go on.
   */
  readonly isStalled: boolean;
  /** Starts the loops; they run until `stop`. */
  start(): void;
  /** Resolves after `stop`; rejects when a loop ended in a defect, which leaves the process of no more use. */
  readonly ended: Promise<void>;
  /**
   * Stops claiming, gives running steps `graceMs` to finish, then stops them and releases their tasks.
   * Resolves when every loop has ended; rejects if one ended in a defect.
   */
  stop(options: { readonly graceMs: number }): Promise<void>;
}

export interface EnginePorts {
  readonly store: Store;
  readonly execute: ExecuteCommand;
  readonly runs: RunCache;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  readonly loadProbe: LoadProbe;
  readonly handlers: readonly StepHandler[];
  /** Of what steps talk to. Default: none. */
  readonly breakers?: Breakers;
  readonly process: { readonly pid: number; readonly host: string; readonly cores: number };
  readonly config: EngineConfig;
  /** Of the process; told with the worker's presence. */
  readonly finished?: FinishedCount;
}

/**
 * The loops of one Baton process: step worker, timer worker, presence, retention. Without handlers no steps are
 * claimed. Processes share nothing but the store: kill one at any instant and the others go on.
 */
export function createEngine(ports: EnginePorts): Engine {
  return new ProcessEngine(ports);
}

class ProcessEngine implements Engine {
  readonly workerId: string;
  readonly #ports: EnginePorts;
  readonly #stopClaiming = new AbortController();
  readonly #shutdown = new AbortController();
  readonly #ended = Promise.withResolvers<undefined>();
  readonly #queues: readonly string[];
  readonly #limit: { current: number };
  readonly #worker: StepWorker;
  readonly #startedAtMs: number;
  readonly #calls: PendingCalls;
  readonly #finished: FinishedSamples | undefined;
  #isStarted = false;

  constructor(ports: EnginePorts) {
    const { ids, handlers, config, clock } = ports;
    const { pid, host, cores } = ports.process;
    this.#ports = ports;
    this.workerId = `${host}-${pid}-${ids.newId().slice(0, 6)}`;
    this.#startedAtMs = clock.now();
    this.#calls = new PendingCalls(clock);
    this.#finished = ports.finished && new FinishedSamples(ports.finished, this.#startedAtMs);
    this.#queues = handlers.flatMap((handler) => handler.queues);
    this.#limit = { current: initialLimit(config, cores) };
    const served = new Set(this.#queues);
    this.#worker = createStepWorker({
      ...ports,
      owner: this.workerId,
      actor: `worker:${this.workerId}`,
      leaseDurationMs: config.leaseDurationMs,
      handlers: new Map(handlers.map((handler) => [handler.kind, handler])),
      queues: this.#queues,
      limit: this.#limit,
      calls: this.#calls,
      canContinue: (queue) => !this.#stopClaiming.signal.aborted && served.has(queue),
      stopClaiming: this.#stopClaiming.signal,
      shutdown: this.#shutdown.signal,
    });
    // Whoever does not watch for a defect learns of it from `stop`.
    this.ended.catch(() => undefined);
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  get isStalled(): boolean {
    return this.#calls.oldestMs > STALLED_AFTER_MS;
  }

  start(): void {
    this.#isStarted = true;
    Promise.all(this.#loops()).then(
      () => this.#ended.resolve(undefined),
      (defect: unknown) => {
        this.#ports.logger.error({ error: String(defect) }, 'an engine loop ended in a defect');
        this.#ended.reject(defect);
      },
    );
  }

  async stop({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#stopClaiming.abort();
    if (!this.#isStarted) return this.#ended.resolve(undefined);
    const isOver = new AbortController();
    const over = this.ended.finally(() => isOver.abort());
    await Promise.race([
      this.#ports.clock.sleep(graceMs, isOver.signal),
      over.catch(() => undefined),
    ]);
    this.#shutdown.abort();
    await over;
  }

  #loops(): Promise<void>[] {
    const { signal } = this.#stopClaiming;
    const rule = this.#ports.config.retention;
    const always = [
      runTimerWorker({ ...this.#ports, owner: this.workerId, signal, calls: this.#calls }),
      runRetention({ ...this.#ports, rule, signal }),
    ];
    if (this.#queues.length === 0) return always;
    const describe = (): WorkerActivity => this.#describe();
    return [
      ...always,
      this.#worker.run(),
      this.#govern(signal),
      runPresence({ ...this.#ports, signal, describe }),
    ];
  }

  async #govern(signal: AbortSignal): Promise<void> {
    const { clock, config, loadProbe } = this.#ports;
    const max = initialLimit(config, this.#ports.process.cores) * 2;
    while (config.concurrency === 'auto' && !signal.aborted) {
      await clock.sleep(GOVERN_EVERY_MS, signal);
      const { busySlots } = this.#worker;
      const limit = this.#limit.current;
      this.#limit.current = nextLimit({ ...loadProbe.sample(), busySlots, min: 1, max, limit });
    }
  }

  #describe(): WorkerActivity {
    const { pid, host } = this.#ports.process;
    const finished = this.#finished?.take(this.#ports.clock.now());
    const breakers = toldBreakers(this.#ports.breakers);
    return {
      workerId: this.workerId,
      queues: [...this.#queues],
      pid,
      host,
      busy: this.#worker.busySlots,
      limit: this.#limit.current,
      startedAtMs: this.#startedAtMs,
      ...(breakers.length > 0 && { breakers }),
      holds: [...this.#worker.running].slice(0, MAX_TOLD_LEASES).map(({ lease, startedAtMs }) => ({
        ...lease.key,
        step: lease.id,
        sinceMs: startedAtMs,
      })),
      ...(finished && { finished }),
    };
  }
}

/** Steps mostly wait for other programs, so twice the cores is a good start. */
function initialLimit(config: EngineConfig, cores: number): number {
  return config.concurrency === 'auto' ? Math.max(2, Math.ceil(cores * 2)) : config.concurrency;
}
