import { callContext, type AddCommand, type Invocation } from './cli.ts';
import { usageFailure, valueOf } from './cli-failure.ts';
import { EXIT } from './exit-codes.ts';
import { findRun } from './find-run.ts';
import { eventText } from './run-lines.ts';

const PAGE = 100;

export const addHistoryCommand: AddCommand = (program, action) => {
  program
    .command('history')
    .description('print what happened to a run, event by event (with --json one event a line)')
    .argument('<RUN>', 'run id or its beginning')
    .option('--from <n>', 'first event (default: 1)')
    .option('--limit <n>', 'at most this many (default: all)')
    .action(
      action((invocation) =>
        invocation.withBaton(async (baton) => {
          const { terminal } = invocation;
          const run_id = await findRun(baton, invocation.args[0] ?? '');
          let left = count(invocation, 'limit') ?? Number.POSITIVE_INFINITY;
          let from = count(invocation, 'from');
          while (left > 0) {
            const page = valueOf(
              await baton.application.getWorkflowHistory(callContext(baton), {
                run_id,
                limit: Math.min(PAGE, left),
                ...(from !== undefined && { from }),
              }),
            );
            for (const event of page.events) {
              terminal.json(event);
              terminal.line(eventText(terminal, event));
            }
            left -= page.events.length;
            from = page.next_from;
            if (from === undefined) break;
          }
          return EXIT.ok;
        }),
      ),
    );
};

function count(invocation: Invocation, option: string): number | undefined {
  const text = invocation.text(option);
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw usageFailure(`--${option} ${text}: is no whole number from 1 on`, 'Give a number.');
}
