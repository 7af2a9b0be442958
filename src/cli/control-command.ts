import type { Application } from '../application/application.ts';
import type { CommandAnswer } from '../application/commands/client-command.ts';
import type { Baton } from '../composition.ts';
import { parsed } from './arguments.ts';
import { callContext, type AddCommand } from './cli.ts';
import { valueOf } from './cli-failure.ts';
import { EXIT } from './exit-codes.ts';
import { findRun } from './find-run.ts';
import { headLine, nextLines } from './run-lines.ts';

/** Longest wait for a cancelled run to end; one whose steps still stop at another process ends later. */
const SETTLE_SECONDS = 2;

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
          invocation.withBaton(
            async (baton) => {
              const { terminal } = invocation;
              const { controlInputSchema } =
                await import('../application/runs/control-workflow.ts');
              const run_id = await findRun(baton, invocation.args[0] ?? '');
              const options = { reason: 'reason', idempotency_key: 'idempotencyKey' };
              const input = await parsed(invocation, controlInputSchema, options, { run_id });
              const call: Application[typeof useCase] = baton.application[useCase];
              const asked = valueOf(await call(callContext(baton), input));
              const answer =
                asked.status === 'cancelling' ? await seeToTheEnd(baton, asked) : asked;
              terminal.json(answer);
              terminal.line(headLine(terminal, answer));
              if (!answer.changed) terminal.line('Nothing had to be changed.');
              for (const line of nextLines(answer.next)) terminal.line(line);
              return EXIT.ok;
            },
            { engine: 'timers' },
          ),
        ),
      );
  };
}

/** Steps that nobody holds are taken back by any Baton process: where this is the only one, it does so itself. */
async function seeToTheEnd(baton: Baton, asked: CommandAnswer): Promise<CommandAnswer> {
  const { run_id } = asked;
  baton.engine?.start();
  await baton.application.awaitWorkflow(callContext(baton), {
    run_id,
    wait_seconds: SETTLE_SECONDS,
  });
  const now = valueOf(await baton.application.getWorkflow(callContext(baton), { run_id }));
  return { ...asked, status: now.status, progress: now.progress, next: now.next };
}
