import type { ApprovalView, PersonTaskView } from '../application/people/approval-view.ts';
import type { Inbox, InboxRun } from '../application/people/list-inbox.ts';
import type { Baton } from '../composition.ts';
import type { Json } from '../domain/json.ts';
import { word } from './as-command.ts';
import { callContext, type AddCommand, type Invocation } from './cli.ts';
import { usageFailure, valueOf } from './cli-failure.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { personOf } from './identify-person.ts';
import { printTable } from './table.ts';
import { visibleLine } from '../application/runs/visible-text.ts';

const MAX_QUESTION_CHARS = 60;
const HEAD = ['run', 'workflow', 'id', 'kind', 'what', 'choices', 'who', 'since', 'expires'];

export const addInboxCommand: AddCommand = (program, action) => {
  program
    .command('inbox')
    .description('list what waits for people: approvals, and tasks that agents handed to them')
    .option('--mine', 'only what you may answer (by your operator key, else your user name)')
    .option('--as <name>', 'only what this person may answer')
    .option('--key-file <path>', "with --mine: file with the person's operator key")
    .action(action((invocation) => invocation.withBaton((baton) => show(invocation, baton))));
};

async function show(invocation: Invocation, baton: Baton): Promise<ExitCode> {
  const { terminal } = invocation;
  const person = await personOfInterest(invocation, baton);
  const { runs, unreadable } = await readInbox(baton, person);
  terminal.json({ ...(person !== undefined && { person }), runs, unreadable });
  for (const { run_id, message } of unreadable)
    terminal.note(`run ${run_id} could not be read, and something may wait in it: ${message}`);
  const items = runs.flatMap(itemsOf);
  if (items.length === 0) {
    terminal.line(`Nothing waits for ${person === undefined ? 'people' : visibleLine(person)}.`);
    return EXIT.ok;
  }
  await printTable(
    terminal,
    HEAD,
    items.map(({ cells }) => cells),
  );
  terminal.line();
  for (const { commands } of items) for (const command of commands) terminal.line(command);
  return EXIT.ok;
}

async function personOfInterest(invocation: Invocation, baton: Baton): Promise<string | undefined> {
  const as = invocation.text('as');
  const isMine = invocation.flag('mine');
  if (as !== undefined && isMine)
    throw usageFailure('--mine and --as both say whose', 'Give one of them.');
  return isMine ? personOf(invocation, baton) : as;
}

/** Every page: what waits is to be seen whole. */
async function readInbox(
  baton: Baton,
  person: string | undefined,
): Promise<Pick<Inbox, 'runs' | 'unreadable'>> {
  const runs: InboxRun[] = [];
  const unreadable: Inbox['unreadable'][number][] = [];
  let cursor: string | undefined;
  do {
    const page = valueOf(await baton.application.listInbox(callContext(baton), { person, cursor }));
    runs.push(...page.runs);
    unreadable.push(...page.unreadable);
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  return { runs, unreadable };
}

interface Item {
  readonly cells: readonly string[];
  /** What answers it, to be typed as it stands. */
  readonly commands: readonly string[];
}

function itemsOf(run: InboxRun): Item[] {
  return [
    ...run.approvals.map((approval) => approvalItem(run, approval)),
    ...run.tasks.map((task) => taskItem(run, task)),
  ];
}

function approvalItem({ run_id, workflow }: InboxRun, approval: ApprovalView): Item {
  const { approval_id, question, choices, approvers, asked_at, expires_at } = approval;
  const target = `${word(run_id)} ${word(approval_id)}`;
  const approve = choices.map((choice) =>
    choices.length === 1
      ? `baton approve ${target}`
      : `baton approve ${target} --choice ${word(choice)}`,
  );
  return {
    cells: [
      run_id,
      workflow,
      approval_id,
      'approval',
      visibleLine(question, MAX_QUESTION_CHARS),
      visibleLine(choices.join(', ')),
      visibleLine(approvers?.join(', ') ?? 'anyone'),
      asked_at ?? '',
      expires_at ?? 'never',
    ],
    commands: [...approve, `baton reject ${target}`].map((command) => visibleLine(command, 1_000)),
  };
}

function taskItem({ run_id, workflow }: InboxRun, task: PersonTaskView): Item {
  const { step_id, instructions, note, person, handed_at } = task;
  const what = note === undefined ? textOf(instructions) : `${note} (${textOf(instructions)})`;
  const target = `${word(run_id)} ${word(step_id)}`;
  return {
    cells: [
      run_id,
      workflow,
      step_id,
      'task',
      visibleLine(what, MAX_QUESTION_CHARS),
      'complete, fail, return',
      visibleLine(person ?? 'anyone'),
      handed_at,
      '',
    ],
    commands: ['--complete JSON', '--fail REASON', '--return'].map(
      (answer) => `baton report ${target} ${answer}`,
    ),
  };
}

function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
