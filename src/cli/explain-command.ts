import { callContext, type AddCommand } from './cli.ts';
import { valueOf } from './cli-failure.ts';
import { EXIT } from './exit-codes.ts';
import { findRun } from './find-run.ts';
import { endLines, headLine, nextLines, reasonLine, STEP_HEAD, stepRow } from './run-lines.ts';
import { printTable } from './table.ts';
import { asCommand } from './as-command.ts';
import { visibleLine } from '../application/runs/visible-text.ts';

/** It holds the run's error, which stands whole below. */
const MAX_HEADLINE_CHARS = 300;

export const addExplainCommand: AddCommand = (program, action) => {
  program
    .command('explain')
    .description('say why a run is where it is, and what moves it on')
    .argument('<RUN>', 'run id or its beginning')
    .action(
      action((invocation) =>
        invocation.withBaton(async (baton) => {
          const { terminal } = invocation;
          const run_id = await findRun(baton, invocation.args[0] ?? '');
          const explained = valueOf(
            await baton.application.explainWorkflow(callContext(baton), { run_id }),
          );
          terminal.json(explained);
          terminal.line(headLine(terminal, explained));
          terminal.line(visibleLine(asCommand(explained.headline), MAX_HEADLINE_CHARS));
          for (const reason of explained.reasons) terminal.line(reasonLine(terminal, reason));
          if (explained.failures.length > 0)
            await printTable(
              terminal,
              STEP_HEAD,
              explained.failures.map((step) => stepRow(terminal, step)),
            );
          for (const line of [...endLines(terminal, explained), ...nextLines(explained.next)])
            terminal.line(line);
          return EXIT.ok;
        }),
      ),
    );
};
