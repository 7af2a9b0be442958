import type { Clock } from '../ports/clock.ts';
import type { IdSource } from '../ports/id-source.ts';
import type { LoadProbe } from '../ports/load-probe.ts';
import type { Logger } from '../ports/logger.ts';
import type { StepHandler } from '../ports/step-handler.ts';
import type { Store } from '../ports/store.ts';
import { nextLimit } from './concurrency-governor.ts';
import type { ExecuteCommand } from './execute-command.ts';
import { runRetention, type RetentionRule } from './retention.ts';
import type { RunCache } from './run-cache.ts';
import { createStepWorker } from './step-worker.ts';
import { runTimerWorker } from './timer-worker.ts';
import { runPresence } from './worker-presence.ts';

const GOVERN_EVERY_MS = 1_000;

export interface EngineConfig {
  /** `auto` adapts between 1 and four tasks a core to the machine's load. */
  readonly concurrency: number | 'auto';
  readonly leaseDurationMs: number;
  readonly retention: RetentionRule;
}

export interface Engine {
  readonly workerId: string;
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

/**
 * The loops of one Baton process: step worker, timer worker, presence, retention. Without handlers no steps are
 * claimed. Processes share nothing but the store: kill one at any instant and the others go on.
 */
export function createEngine(ports: {
  readonly store: Store;
  readonly execute: ExecuteCommand;
  readonly runs: RunCache;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  readonly loadProbe: LoadProbe;
  readonly handlers: readonly StepHandler[];
  readonly process: { readonly pid: number; readonly host: string; readonly cores: number };
  readonly config: EngineConfig;
}): Engine {
  const { store, clock, logger, config } = ports;
  const workerId = `${ports.process.host}-${ports.process.pid}-${ports.ids.newId().slice(0, 6)}`;
  const stopClaiming = new AbortController();
  const shutdown = new AbortController();
  const queues = ports.handlers.flatMap((handler) => handler.queues);
  const queueSet = new Set(queues);
  const limit = { current: initialLimit(config, ports.process.cores) };
  const worker = createStepWorker({
    ...ports,
    owner: workerId,
    leaseDurationMs: config.leaseDurationMs,
    handlers: new Map(ports.handlers.map((handler) => [handler.kind, handler])),
    queues,
    limit,
    canContinue: (queue) => !stopClaiming.signal.aborted && queueSet.has(queue),
    stopClaiming: stopClaiming.signal,
    shutdown: shutdown.signal,
  });
  const startedAtMs = clock.now();
  const { signal } = stopClaiming;
  const ended = Promise.withResolvers<undefined>();
  // Whoever does not watch for a defect learns of it from `stop`.
  ended.promise.catch(() => undefined);
  let isStarted = false;

  const govern = async (): Promise<void> => {
    const max = initialLimit(config, ports.process.cores) * 2;
    while (config.concurrency === 'auto' && !signal.aborted) {
      await clock.sleep(GOVERN_EVERY_MS, signal);
      const { busySlots } = worker;
      const sample = ports.loadProbe.sample();
      limit.current = nextLimit({ ...sample, busySlots, min: 1, max, limit: limit.current });
    }
  };
  const describe = () => ({
    workerId,
    queues,
    pid: ports.process.pid,
    host: ports.process.host,
    busy: worker.busySlots,
    limit: limit.current,
    startedAtMs,
  });

  return {
    workerId,
    ended: ended.promise,
    start() {
      const timers = runTimerWorker({ ...ports, owner: workerId, signal });
      const steps =
        queues.length === 0
          ? []
          : [worker.run(), govern(), runPresence({ store, clock, logger, signal, describe })];
      const retention = runRetention({ store, clock, logger, rule: config.retention, signal });
      isStarted = true;
      Promise.all([timers, retention, ...steps]).then(
        () => ended.resolve(undefined),
        (defect: unknown) => {
          logger.error({ error: String(defect) }, 'an engine loop ended in a defect');
          ended.reject(defect);
        },
      );
    },
    async stop({ graceMs }) {
      stopClaiming.abort();
      if (!isStarted) return ended.resolve(undefined);
      const isOver = new AbortController();
      const over = ended.promise.finally(() => isOver.abort());
      await Promise.race([clock.sleep(graceMs, isOver.signal), over.catch(() => undefined)]);
      shutdown.abort();
      await over;
    },
  };
}

/** Steps mostly wait for other programs, so twice the cores is a good start. */
function initialLimit(config: EngineConfig, cores: number): number {
  return config.concurrency === 'auto' ? Math.max(2, Math.ceil(cores * 2)) : config.concurrency;
}
