import { handlerQueue } from '../domain/definition/kind-declaration.ts';
import { nearestName } from '../domain/definition/nearest-name.ts';
import type { LoadedConfig } from '../config.ts';
import { shownStore } from '../config/store-place.ts';
import type { AddCommand, Invocation } from './cli.ts';
import { usageFailure } from './cli-failure.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** Running steps may end within this time after a signal; then they are stopped and given back. */
const GRACE_MS = 10_000;

export const addWorkerCommand: AddCommand = (program, action) => {
  program
    .command('worker')
    .description('run steps until interrupted (twice: at once)')
    .option('--queues <list>', 'only these of the queues that the configuration allows')
    .option('--concurrency <n>', 'steps at once, 1 to 256, or auto')
    .action(action(work));
};

async function work(invocation: Invocation): Promise<ExitCode> {
  const { terminal, cli } = invocation;
  const concurrency = invocation.text('concurrency');
  const loaded = await invocation.loadConfig({
    'worker.concurrency':
      concurrency === undefined ? undefined : { option: '--concurrency', value: concurrency },
  });
  const queues = await chosenQueues(invocation, loaded);
  cli.interruption.listen();
  return invocation.withBaton(
    async (baton) => {
      const { engine } = baton;
      if (engine === undefined) throw new Error('a worker is composed with an engine');
      engine.start();
      terminal.json({
        worker_id: engine.workerId,
        queues: baton.queues,
        store: shownStore(loaded.config.store),
      });
      terminal.line(
        `worker ${engine.workerId} serves ${baton.queues.join(', ') || 'no queue'} of ${shownStore(loaded.config.store)}`,
      );
      if (baton.queues.length === 0)
        terminal.note(
          'No step can run here: the setting shell.allow is empty, and so is handlers. Timers and retries are served.',
        );
      await Promise.race([untilAborted(cli.interruption.signal), engine.ended]);
      terminal.line('stopping: running steps get 10 s');
      return EXIT.ok;
    },
    { engine: 'worker', queues, graceMs: GRACE_MS },
    loaded,
  );
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
    ...(await configuredHandlers(loaded)).map(({ kind, declaration }) =>
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
