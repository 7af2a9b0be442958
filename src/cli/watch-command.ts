import type { AddCommand } from './cli.ts';
import { findRun } from './find-run.ts';
import { followRun } from './follow-run.ts';

export const addWatchCommand: AddCommand = (program, action) => {
  program
    .command('watch')
    .description('follow a run to its end; ends with 6 if it fails, 7 if it is cancelled')
    .argument('<RUN>', 'run id or its beginning')
    .action(
      action((invocation) => {
        invocation.cli.interruption.listen();
        return invocation.withBaton(
          async (baton) => {
            const runId = await findRun(baton, invocation.args[0] ?? '');
            // Waits and retries go on while somebody looks, whether or not another process is there.
            baton.engine?.start();
            return followRun(invocation, baton, runId);
          },
          { engine: 'timers' },
        );
      }),
    );
};
