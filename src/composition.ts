import { hostname } from 'node:os';
import { createGitRepositoryReader } from './adapters/git/git-repository-reader.ts';
import { createLoadProbe, effectiveCores } from './adapters/system/load-probe.ts';
import { createPinoLogger, type ClosableLogger } from './adapters/system/pino-logger.ts';
import { randomIdSource } from './adapters/system/random-id-source.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import { RedisStoreError } from './adapters/redis/redis-store-error.ts';
import { openSqliteStore } from './adapters/sqlite/sqlite-store.ts';
import { createApplication, type Application } from './application/application.ts';
import { createEngine, type Engine } from './application/engine/engine.ts';
import { createExecuteCommand } from './application/commands/execute-command.ts';
import { countFinished, type FinishedCount } from './application/engine/finished-count.ts';
import { createPlanCache } from './application/commands/plan-cache.ts';
import { createRunCache } from './application/commands/run-cache.ts';
import type { ApplicationPorts } from './application/use-case.ts';
import { createHandlerSource, kindSource } from './composition/configured-handlers.ts';
import { createThirdPartyHandlers } from './composition/third-party-handlers.ts';
import { countCommands } from './composition/counted-commands.ts';
import { guardStore } from './composition/guarded-store.ts';
import { createProcessBreakers, elapsedMs } from './composition/process-breakers.ts';
import type { LoadedConfig } from './config.ts';
import { isStoreUrl } from './config/store-place.ts';
import { createShellHandler } from './handlers/shell/shell-handler.ts';
import type { Store } from './ports/store.ts';
import type { StepHandler } from './ports/step-handler.ts';

const MS_PER_DAY = 86_400_000;

export interface CompositionOptions {
  /** `worker`: runs steps; `timers`: only the engine's own work; `none`: commands and questions only. */
  readonly engine: 'worker' | 'timers' | 'none';
  /** Only these queues of those that the configuration allows. Default: all of them. */
  readonly queues?: readonly string[] | undefined;
}

/** One process of Baton, wired together. */
export interface Baton {
  readonly application: Application;
  readonly ports: ApplicationPorts;
  readonly store: Store;
  readonly logger: ClosableLogger;
  /** What this process has done since it started. */
  readonly counts: {
    readonly finished: FinishedCount;
    /** Executed commands by outcome. */
    readonly commands: ReadonlyMap<string, number>;
  };
  /** Not started yet; `close` stops it. */
  readonly engine?: Engine;
  /** Queues whose steps this process runs. */
  readonly queues: readonly string[];
  /**
   * Stops claiming, gives running steps `graceMs` (default 0), releases what is left, closes the store and the log.
   * Every part is closed even if an earlier one fails; the first failure is thrown.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

/**
 * The one place that constructs adapters. Rejects as `openSqliteStore` or `createRedisStore` do, and with ConfigError when a process that is to
 * stay cannot use a file of the setting `handlers`: nothing is left open then. Starts no work: call `engine.start()`.
 */
export async function composeBaton(
  loaded: LoadedConfig,
  options: CompositionOptions,
): Promise<Baton> {
  const { config, environment } = loaded;
  // What only asks or commands must work though a handler file is broken: it loads them when it registers a definition.
  const handlerSource = createHandlerSource(loaded);
  const found = options.engine === 'none' ? [] : await handlerSource();
  const logger = createPinoLogger(config.log);
  const clock = systemClock;
  const ids = randomIdSource;
  const breakers = createProcessBreakers(logger);
  const store = guardStore(await openStore(loaded, logger), { breakers, clock, elapsedMs });
  const plans = createPlanCache(store);
  const runs = createRunCache(store, plans);
  // A command that ends soon reads every run only once.
  if (options.engine !== 'none')
    store.onChange(({ replaced }) => replaced === true && runs.clear());
  const env = pick(environment, config.expressions.env);
  const { execute: finishing, finished } = countFinished(
    createExecuteCommand({ store, runs, clock, ids, env }),
  );
  const { execute, commands } = countCommands(finishing);
  const { workspace } = config;
  const loadedKinds = kindSource(handlerSource);
  const { roots } = config.shell;
  const repositories = createGitRepositoryReader({ workspace, roots, environment });
  const ports = {
    ...{ store, execute, runs, plans, clock, ids, repositories, workspace, loadedKinds },
    breakers,
  };
  const thirdParty = createThirdPartyHandlers(found, { clock, logger });
  const handlers =
    options.engine === 'worker' ? createHandlers(loaded, thirdParty.handlers, options.queues) : [];
  const engine =
    options.engine === 'none'
      ? undefined
      : buildEngine({ ...ports, logger, finished }, handlers, loaded);
  return {
    application: createApplication(ports),
    ports,
    store,
    logger,
    counts: { finished, commands },
    queues: handlers.flatMap(({ queues }) => queues),
    ...(engine && { engine }),
    close: ({ graceMs = 0 } = {}) =>
      closeAll([
        () => engine?.stop({ graceMs }),
        () => thirdParty.close(),
        () => store.close(),
        () => logger.close(),
      ]),
  };
}

/** Redis is loaded where it is asked for only: clients wait for a server's start. */
async function openStore(
  { config, origins }: LoadedConfig,
  logger: ClosableLogger,
): Promise<Store> {
  const { store: place } = config;
  const ids = randomIdSource;
  if (!isStoreUrl(place)) return openSqliteStore({ path: place, clock: systemClock, ids, logger });
  const { createRedisStore } = await import('./adapters/redis/redis-store.ts');
  try {
    return await createRedisStore({ url: place, ids, logger });
  } catch (error) {
    throw error instanceof RedisStoreError
      ? error.comingFrom(origins.get('store') ?? 'default')
      : error;
  }
}

function buildEngine(
  ports: ApplicationPorts & { readonly logger: ClosableLogger; readonly finished: FinishedCount },
  handlers: readonly StepHandler[],
  { config: { worker, retention } }: LoadedConfig,
): Engine {
  return createEngine({
    ...ports,
    handlers,
    loadProbe: createLoadProbe(),
    process: { pid: process.pid, host: hostname(), cores: effectiveCores() },
    config: {
      concurrency: worker.concurrency,
      leaseDurationMs: worker.leaseDurationMs,
      retention: { keepMs: retention.days * MS_PER_DAY, keepRuns: retention.runs },
    },
  });
}

function createHandlers(
  { config: { shell }, environment }: LoadedConfig,
  thirdParty: readonly StepHandler[],
  only: readonly string[] | undefined,
): StepHandler[] {
  const handlers = [createShellHandler({ ...shell, environment }), ...thirdParty];
  if (only === undefined) return handlers;
  return handlers.map((handler) => ({
    ...handler,
    queues: handler.queues.filter((queue) => only.includes(queue)),
  }));
}

function pick(
  environment: LoadedConfig['environment'],
  names: readonly string[],
): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = environment[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}

async function closeAll(closings: readonly (() => Promise<void> | undefined)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const close of closings) {
    try {
      await close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
