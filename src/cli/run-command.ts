import { Option } from 'commander';
import type { StartedWorkflow } from '../application/runs/start-workflow.ts';
import type { Baton } from '../composition.ts';
import { PRIORITIES, prioritySchema } from '../domain/priority.ts';
import { readInput, readTextFile } from './arguments.ts';
import { callContext, type AddCommand, type Invocation } from './cli.ts';
import { valueOf } from './cli-failure.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { followRun } from './follow-run.ts';
import { refuseKey } from './person-text.ts';
import { attentionLines } from './run-lines.ts';

/** After an interruption: enough to stop a command in good order. */
const GRACE_MS = 1_000;
/** A registered name, with or without a version; anything else is a file. */
const REGISTERED = /^[a-z][a-z0-9_-]*(?:@v?\d+)?$/;

export const addRunCommand: AddCommand = (program, action) => {
  program
    .command('run')
    .description('start a run of a registered workflow, or of a definition file (registered first)')
    .argument('<FILE|NAME>', 'definition file (./name, name.yaml), or name or name@version')
    .option(
      '--input <value>',
      'JSON object, @file or key=value; may be repeated',
      (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
    )
    .option('--idempotency-key <key>', 'the same key starts the same run once')
    .addOption(
      new Option('--priority <priority>', 'how soon its steps are taken from their queues').choices(
        PRIORITIES,
      ),
    )
    .option('--watch', 'run its steps here and follow it; ends with 6 if it fails, 7 if cancelled')
    .action(action(run));
};

async function run(invocation: Invocation): Promise<ExitCode> {
  const input = await readInput(invocation);
  // Also what a file held.
  refuseKey(JSON.stringify(input), '--input');
  const definition = definitionText(invocation);
  const watches = invocation.flag('watch');
  if (watches) invocation.cli.interruption.listen();
  return invocation.withBaton(
    async (baton) => {
      // Before the run, so that its first answer already counts this worker.
      baton.engine?.start();
      const workflow =
        definition === undefined ? (invocation.args[0] ?? '') : await register(baton, definition);
      const idempotency_key = invocation.text('idempotencyKey');
      const priority = prioritySchema.optional().parse(invocation.text('priority'));
      const started = valueOf(
        await baton.application.startWorkflow(callContext(baton), {
          workflow,
          input,
          ...(idempotency_key !== undefined && { idempotency_key }),
          ...(priority !== undefined && { priority }),
        }),
      );
      if (!watches) return announce(invocation, started);
      if (baton.queues.length === 0)
        invocation.terminal.note(
          'Shell steps do not run in this terminal: the setting shell.allow is empty. Name their programs, for example BATON_SHELL_ALLOW=npm,git.',
        );
      if (!invocation.terminal.isInteractive) invocation.terminal.line(`run ${started.run_id}`);
      return followRun(invocation, baton, started.run_id);
    },
    { engine: watches ? 'worker' : 'none', graceMs: GRACE_MS },
  );
}

function definitionText(invocation: Invocation): string | undefined {
  const [target = ''] = invocation.args;
  return REGISTERED.test(target) ? undefined : readTextFile(target, invocation);
}

/** Answers exactly the version that the text has, whatever is registered meanwhile. */
async function register(baton: Baton, definition: string): Promise<string> {
  const { name, version } = valueOf(
    await baton.application.registerWorkflow(callContext(baton), { definition }),
  );
  return `${name}@${version ?? ''}`;
}

/** The id alone on standard output, so that scripts can take it; remarks beside it. */
function announce({ terminal }: Invocation, started: StartedWorkflow): ExitCode {
  terminal.json(started);
  terminal.line(started.run_id);
  if (terminal.isJson) return EXIT.ok;
  if (started.duplicate)
    terminal.note('The same request had been accepted before: nothing new was started.');
  for (const line of attentionLines(terminal, started.attention)) terminal.note(line);
  return EXIT.ok;
}
