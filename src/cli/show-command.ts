import type { WorkflowView } from '../application/runs/get-workflow.ts';
import { callContext, type AddCommand } from './cli.ts';
import { valueOf } from './cli-failure.ts';
import { EXIT } from './exit-codes.ts';
import { findRun } from './find-run.ts';
import { attentionLines, endLines, headLine, nextLines, STEP_HEAD, stepRow } from './run-lines.ts';
import { printTable } from './table.ts';
import type { Terminal } from './terminal.ts';

export const addShowCommand: AddCommand = (program, action) => {
  program
    .command('show')
    .description('show how a run and its steps stand')
    .argument('<RUN>', 'run id or its beginning')
    .option('--step <id>', 'the whole output of this step instead')
    .action(
      action((invocation) =>
        invocation.withBaton(async (baton) => {
          const { terminal } = invocation;
          const run_id = await findRun(baton, invocation.args[0] ?? '');
          const step = invocation.text('step');
          const input = { run_id, ...(step !== undefined && { step }) };
          const view = valueOf(await baton.application.getWorkflow(callContext(baton), input));
          terminal.json(step === undefined ? view : (view.step ?? { output: view.output }));
          if (step === undefined) await printRun(terminal, view);
          else terminal.line(JSON.stringify(view.step ?? { output: view.output }, null, 2));
          return EXIT.ok;
        }),
      ),
    );
};

export async function printRun(terminal: Terminal, view: WorkflowView): Promise<void> {
  terminal.line(headLine(terminal, view));
  await printTable(
    terminal,
    STEP_HEAD,
    view.steps.map((step) => stepRow(terminal, step)),
  );
  const lines = [
    ...endLines(terminal, view),
    ...attentionLines(terminal, view.attention),
    ...nextLines(view.next),
  ];
  for (const line of lines) terminal.line(line);
}
