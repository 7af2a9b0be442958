import { availableParallelism } from 'node:os';
import { Option } from 'commander';
import type { AddCommand, Invocation } from './cli.ts';
import { usageFailure } from './cli-failure.ts';
import type { ExitCode } from './exit-codes.ts';

const MAX_PROCESSES = 64;
/** Tells the worker that a supervisor started it. */
const SUPERVISED = '--supervised';

export const addWorkerCommand: AddCommand = (program, action) => {
  program
    .command('worker')
    .description('run steps until interrupted (twice: at once)')
    .option('--queues <list>', 'only these of the queues that the configuration allows')
    .option('--concurrency <n>', 'steps at once in each process, 1 to 256, or auto')
    .option('--processes <n>', 'worker processes, 1 to 64, or auto: one a core (default: 1)')
    .option(
      '--watchdog <duration>',
      'replace a worker process that is silent for so long (default: as a lease, 5s or more)',
    )
    .option('--no-watchdog', 'one process that nothing watches, for a service manager that does')
    .addOption(new Option(SUPERVISED).hideHelp())
    .action(action(work));
};

/** Without the store and everything that needs it: a supervisor stays small. */
async function work(invocation: Invocation): Promise<ExitCode> {
  const processes = countOf(invocation);
  if (invocation.flag('supervised') || invocation.isOff('watchdog')) {
    const { serveWorker } = await import('./serve-worker.ts');
    return serveWorker(invocation);
  }
  const { supervise } = await import('./supervise/supervise.ts');
  const { cli, terminal } = invocation;
  return supervise({
    processes,
    args: [...process.argv.slice(2), SUPERVISED],
    interruption: cli.interruption,
    note: (text) => terminal.note(text),
  });
}

function countOf(invocation: Invocation): number {
  const text = invocation.text('processes') ?? '1';
  const count = text === 'auto' ? Math.min(MAX_PROCESSES, availableParallelism()) : Number(text);
  if (!Number.isInteger(count) || count < 1 || count > MAX_PROCESSES)
    throw usageFailure(
      `--processes: expected "auto" or a whole number from 1 to ${MAX_PROCESSES}, not "${text}"`,
      'For example: --processes 2',
    );
  if (count > 1 && invocation.isOff('watchdog'))
    throw usageFailure(
      '--no-watchdog is for one process: without a watchdog nothing would keep several',
      'Leave out one of the two, or start the command several times.',
    );
  return count;
}
