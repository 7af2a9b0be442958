import { rebuildIndex } from '../application/runs/rebuild-index.ts';
import type { AddCommand } from './cli.ts';
import { EXIT } from './exit-codes.ts';

export const addReindexCommand: AddCommand = (program, action) => {
  program
    .command('reindex')
    .description('rebuild the list of runs from their histories, which it never changes')
    .action(
      action((invocation) =>
        invocation.withBaton(async (baton) => {
          const { terminal } = invocation;
          const { rebuilt, unreadable } = await rebuildIndex(baton.ports);
          terminal.json({ rebuilt, unreadable });
          terminal.line(`${rebuilt} runs indexed.`);
          for (const { run_id, reason } of unreadable)
            terminal.note(`run ${run_id} was left as it was: ${reason}`);
          return unreadable.length === 0 ? EXIT.ok : EXIT.unexpected;
        }),
      ),
    );
};
