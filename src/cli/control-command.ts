import type { Application } from '../application/application.ts';
import { parsed } from './arguments.ts';
import { callContext, type AddCommand } from './cli.ts';
import { valueOf } from './cli-failure.ts';
import { EXIT } from './exit-codes.ts';
import { findRun } from './find-run.ts';
import { headLine, nextLines } from './run-lines.ts';

/** `cancel`, `pause` and `resume` ask and answer alike. */
export function controlCommand(
  name: string,
  description: string,
  useCase: 'cancelWorkflow' | 'pauseWorkflow' | 'resumeWorkflow',
): AddCommand {
  return (program, action) => {
    program
      .command(name)
      .description(description)
      .argument('<RUN>', 'run id or its beginning')
      .option('--reason <text>', 'kept in the history')
      .option('--idempotency-key <key>', 'repeat with the same key to be safe')
      .action(
        action((invocation) =>
          invocation.withBaton(async (baton) => {
            const { terminal } = invocation;
            const { controlInputSchema } = await import('../application/control-workflow.ts');
            const run_id = await findRun(baton, invocation.args[0] ?? '');
            const options = { reason: 'reason', idempotency_key: 'idempotencyKey' };
            const input = await parsed(invocation, controlInputSchema, options, { run_id });
            const call: Application[typeof useCase] = baton.application[useCase];
            const answer = valueOf(await call(callContext(baton), input));
            terminal.json(answer);
            terminal.line(headLine(terminal, answer));
            if (!answer.changed) terminal.line('Nothing had to be changed.');
            for (const line of nextLines(answer.next)) terminal.line(line);
            return EXIT.ok;
          }),
        ),
      );
  };
}
