import { handlerQueue } from '../domain/definition/kind-declaration.ts';
import { nearestName } from '../domain/definition/nearest-name.ts';
import type { Baton } from '../composition.ts';
import type { LoadedConfig } from '../config.ts';
import { shownStore } from '../config/store-place.ts';
import type { Invocation } from './cli.ts';
import { usageFailure } from './cli-failure.ts';
import { durationOption } from './duration-option.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { reportToSupervisor, type WorkerReports } from './supervise/worker-reports.ts';

/** Running steps may end within this time after a signal; then they are stopped and given back. */
const GRACE_MS = 10_000;
/** Whatever the lease: collecting garbage, or a machine that is busy elsewhere, is no reason to kill. */
const MIN_SILENCE_LIMIT_MS = 5_000;
const WATCHDOG_BOUNDS = { minMs: 1_000, maxMs: 3_600_000 };

/** Runs steps in this process until interrupted: under a supervisor, or on its own. */
export async function serveWorker(invocation: Invocation): Promise<ExitCode> {
  const { cli } = invocation;
  const reports = invocation.flag('supervised') ? reportToSupervisor(cli.interruption) : undefined;
  const concurrency = invocation.text('concurrency');
  const loaded = await invocation.loadConfig({
    'worker.concurrency':
      concurrency === undefined ? undefined : { option: '--concurrency', value: concurrency },
  });
  const silenceLimitMs =
    durationOption(invocation, 'watchdog', WATCHDOG_BOUNDS) ??
    Math.max(MIN_SILENCE_LIMIT_MS, loaded.config.worker.leaseDurationMs);
  const queues = await chosenQueues(invocation, loaded);
  if (reports === undefined) cli.interruption.listen();
  const exitCode = await invocation.withBaton(
    (baton) => serve(invocation, loaded, baton, { reports, silenceLimitMs }),
    { engine: 'worker', queues, graceMs: GRACE_MS },
    loaded,
  );
  reports?.done(exitCode);
  return exitCode;
}

async function serve(
  { terminal, cli }: Invocation,
  { config }: LoadedConfig,
  { engine, queues, store: openStore }: Baton,
  watch: { readonly reports: WorkerReports | undefined; readonly silenceLimitMs: number },
): Promise<ExitCode> {
  if (engine === undefined) throw new Error('a worker is composed with an engine');
  const { warnings = [] } = await openStore.describe();
  engine.start();
  const { workerId } = engine;
  watch.reports?.ready({
    workerId,
    silenceLimitMs: watch.silenceLimitMs,
    isStalled: () => engine.isStalled,
  });
  const store = shownStore(config.store);
  terminal.json({ worker_id: workerId, pid: process.pid, queues, store });
  terminal.line(`worker ${workerId} serves ${queues.join(', ') || 'no queue'} of ${store}`);
  if (queues.length === 0)
    terminal.note(
      'No step can run here: the settings shell.allow (BATON_SHELL_ALLOW) and handlers (BATON_HANDLERS) are empty. Timers and retries are served.',
    );
  for (const warning of warnings) terminal.note(`The store: ${warning}.`);
  await Promise.race([untilAborted(cli.interruption.signal), engine.ended]);
  terminal.line('stopping: running steps get 10 s');
  return EXIT.ok;
}

async function chosenQueues(
  invocation: Invocation,
  loaded: LoadedConfig,
): Promise<readonly string[] | undefined> {
  const chosen = invocation
    .text('queues')
    ?.split(',')
    .flatMap((name) => name.trim() || []);
  if (chosen === undefined) return undefined;
  const { configuredHandlers } = await import('../composition/configured-handlers.ts');
  const allowed = [
    ...loaded.config.shell.allow.map((name) => `shell:${name}`),
    ...(await configuredHandlers(loaded)).map(({ handler: { kind, declaration } }) =>
      handlerQueue(kind, declaration.queue),
    ),
  ];
  const wrong = chosen.find((name) => !allowed.includes(name));
  if (wrong === undefined && chosen.length > 0) return chosen;
  const nearest = nearestName(wrong ?? '', allowed);
  const hint = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
  throw usageFailure(
    `--queues: "${wrong ?? ''}" is no queue that the configuration allows${hint}`,
    `Possible here: ${allowed.join(', ') || 'none, because shell.allow and handlers are empty'}.`,
  );
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    // A pending promise keeps no process alive; the engine's timers and the store do.
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
