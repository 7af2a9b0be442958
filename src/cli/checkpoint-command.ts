import { resolve } from 'node:path';
import type { CreatedCheckpoint } from '../application/checkpoints/create-checkpoint.ts';
import type { Baton } from '../composition.ts';
import { parsed } from './arguments.ts';
import { callContext, type AddCommand, type Invocation } from './cli.ts';
import { valueOf } from './cli-failure.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { findRun } from './find-run.ts';

export const addCheckpointCommand: AddCommand = (program, action) => {
  program
    .command('checkpoint')
    .description("name the present point of a run's history")
    .argument('<RUN>', 'run id or its beginning')
    .argument('<NAME>', 'name of the point')
    .option('--note <text>', 'what was reached')
    .option(
      '--repository [path]',
      'keep also commit and uncommitted changes of this git repository (default: of the current directory)',
    )
    .option('--idempotency-key <key>', 'repeat with the same key to be safe')
    .action(action((invocation) => invocation.withBaton((baton) => create(invocation, baton))));
};

async function create(invocation: Invocation, baton: Baton): Promise<ExitCode> {
  const { terminal } = invocation;
  const [run = '', name = ''] = invocation.args;
  const { checkpointInputSchema } = await import('../application/checkpoints/create-checkpoint.ts');
  const repository = repositoryOf(invocation);
  const run_id = await findRun(baton, run);
  const input = await parsed(
    invocation,
    checkpointInputSchema,
    { note: 'note', idempotency_key: 'idempotencyKey' },
    { run_id, name, ...(repository !== undefined && { repository }) },
  );
  const made = valueOf(await baton.application.createCheckpoint(callContext(baton), input));
  terminal.json(made);
  for (const line of linesOf(made)) terminal.line(line);
  return EXIT.ok;
}

/** Absolute: for the use case a relative path begins at the workspace, for a person where they are. */
function repositoryOf(invocation: Invocation): string | undefined {
  const path = invocation.flag('repository') ? '.' : invocation.text('repository');
  return path === undefined ? undefined : resolve(invocation.cli.surroundings.cwd, path);
}

function linesOf({ checkpoint_id, duplicate, repository }: CreatedCheckpoint): string[] {
  const lines = [duplicate ? `${checkpoint_id} (made by an earlier call)` : checkpoint_id];
  if (repository === undefined) return lines;
  const { path, commit, branch, isDirty, diff, diffLeftOut } = repository;
  const place = `${path} at ${commit?.slice(0, 12) ?? 'no commit yet'}`;
  lines.push(`${place}${branch === undefined ? '' : ` (${branch})`}${isDirty ? '' : ', clean'}`);
  if (diff) lines.push(`changes kept: ${diff.files} files, ${diff.bytes} bytes`);
  if (diffLeftOut !== undefined) lines.push(`not kept: ${diffLeftOut}`);
  return lines;
}
