import type { ListedCheckpoint } from '../application/checkpoints/list-checkpoints.ts';
import { visibleLine } from '../application/runs/visible-text.ts';
import type { Baton } from '../composition.ts';
import { callContext, type AddCommand, type Invocation } from './cli.ts';
import { usageFailure, valueOf } from './cli-failure.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { findRun } from './find-run.ts';
import { printTable } from './table.ts';

const MAX_NOTE_CHARS = 60;
const COMMIT_CHARS = 12;
const HEAD = ['checkpoint', 'workflow', 'name', 'made', 'commit', 'note'];

export const addCheckpointsCommand: AddCommand = (program, action) => {
  program
    .command('checkpoints')
    .description(
      'list checkpoints, those of the newest run first; or print the changes that one keeps',
    )
    .argument('[RUN]', 'only of this run: its id or the beginning of it')
    .option('--cursor <cursor>', 'go on after the last page')
    .option('--diff <checkpoint>', 'print the diff that this checkpoint keeps, for git apply')
    .action(
      action((invocation) =>
        invocation.withBaton((baton) =>
          invocation.text('diff') === undefined
            ? list(invocation, baton)
            : printDiff(invocation, baton),
        ),
      ),
    );
};

async function list(invocation: Invocation, baton: Baton): Promise<ExitCode> {
  const { terminal } = invocation;
  const [run] = invocation.args;
  const cursor = invocation.text('cursor');
  if (run !== undefined && cursor !== undefined)
    throw usageFailure('the checkpoints of one run have no further page', 'Leave out --cursor.');
  const run_id = run === undefined ? undefined : await findRun(baton, run);
  const page = valueOf(
    await baton.application.listCheckpoints(callContext(baton), { run_id, cursor }),
  );
  terminal.json(page);
  if (page.checkpoints.length === 0) terminal.line('No checkpoints.');
  else await printTable(terminal, HEAD, page.checkpoints.map(rowOf));
  if (page.checkpoints.some(({ repository }) => repository?.isDirty))
    terminal.line('+: with changes that were not committed');
  if (page.next_cursor !== undefined) terminal.line(`More: --cursor ${page.next_cursor}`);
  return EXIT.ok;
}

function rowOf({ checkpoint_id, workflow, name, at, repository, note }: ListedCheckpoint) {
  const commit = repository && (repository.commit?.slice(0, COMMIT_CHARS) ?? 'none');
  const mark = repository?.isDirty === true ? '+' : '';
  const shown = visibleLine(note ?? '', MAX_NOTE_CHARS);
  return [checkpoint_id, workflow, visibleLine(name), at, `${commit ?? ''}${mark}`, shown];
}

async function printDiff(invocation: Invocation, baton: Baton): Promise<ExitCode> {
  const { terminal } = invocation;
  if (terminal.isJson || invocation.args.length > 0)
    throw usageFailure(
      '--diff prints the diff as it is: it takes neither RUN nor --json',
      'baton checkpoints --diff CHECKPOINT > changes.diff, then git apply --binary changes.diff.',
    );
  const checkpoint_id = await wholeId(baton, invocation.text('diff') ?? '');
  const { content } = valueOf(
    await baton.application.readCheckpointDiff(callContext(baton), { checkpoint_id }),
  );
  terminal.bytes(content);
  return EXIT.ok;
}

/** Like a run's, the id may be shortened: `ab12@7`. */
async function wholeId(baton: Baton, given: string): Promise<string> {
  const at = given.lastIndexOf('@');
  return at < 0 ? given : `${await findRun(baton, given.slice(0, at))}${given.slice(at)}`;
}
