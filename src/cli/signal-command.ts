import type { Baton } from '../composition.ts';
import { parsed } from './arguments.ts';
import { callContext, type AddCommand, type Invocation } from './cli.ts';
import { usageFailure, valueOf } from './cli-failure.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { findRun } from './find-run.ts';
import { headLine } from './run-lines.ts';

export const addSignalCommand: AddCommand = (program, action) => {
  program
    .command('signal')
    .description('send a signal to a run, or decide on a step whose outcome is unknown')
    .argument('<RUN>', 'run id or its beginning')
    .argument('[NAME]', 'name of the signal')
    .option('--payload <json>', 'JSON, or plain text; becomes the output of the step')
    .option('--step <id>', 'the step to decide on')
    .option('--resolve <resolution>', 'what became of it: retry, completed or failed')
    .option('--reason <text>', 'kept in the history')
    .option('--idempotency-key <key>', 'repeat with the same key to be safe')
    .action(action((invocation) => invocation.withBaton((baton) => send(invocation, baton))));
};

async function send(invocation: Invocation, baton: Baton): Promise<ExitCode> {
  const { terminal } = invocation;
  const [run = '', name] = invocation.args;
  const isDecision = invocation.text('step') !== undefined;
  if (
    isDecision === (name !== undefined) ||
    isDecision !== (invocation.text('resolve') !== undefined)
  )
    throw usageFailure(
      'give either NAME (a signal), or both --step and --resolve (a decision on a step)',
      'baton explain RUN shows what a run waits for.',
    );
  const { signalWorkflowInputSchema } = await import('../application/runs/signal-workflow.ts');
  const run_id = await findRun(baton, run);
  const input = await parsed(
    invocation,
    signalWorkflowInputSchema,
    {
      payload: 'payload',
      step_id: 'step',
      resolution: 'resolve',
      reason: 'reason',
      idempotency_key: 'idempotencyKey',
    },
    { run_id, ...(name !== undefined && { name }) },
  );
  const answer = valueOf(await baton.application.signalWorkflow(callContext(baton), input));
  terminal.json(answer);
  terminal.line(headLine(terminal, answer));
  terminal.line(`${name ?? input.step_id ?? ''}: ${answer.effect}`);
  return EXIT.ok;
}
