import type { AnswerTaskInput } from '../application/agents/answer-task.ts';
import type { PersonTaskView } from '../application/people/approval-view.ts';
import type { Person } from '../application/people/person.ts';
import type { Json } from '../domain/json.ts';
import { MAX_PAYLOAD_BYTES } from '../domain/limits.ts';
import type { Baton } from '../composition.ts';
import { parseJson, readTextFile } from './arguments.ts';
import { DEFAULT_TENANT } from '../application/access/access.ts';
import { callContext, type AddCommand, type Invocation } from './cli.ts';
import { usageFailure, valueOf } from './cli-failure.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { findRun } from './find-run.ts';
import { identifyPerson } from './identify-person.ts';
import { personText, refuseKey } from './person-text.ts';
import { headLine, nextLines } from './run-lines.ts';
import { quotedLines, visibleLine } from '../application/runs/visible-text.ts';

const MAX_SHOWN_CHARS = 4_000;
/** What a person types to confirm. */
const WORDS = { completed: 'complete', failed: 'fail', returned: 'return' } as const;

export const addReportCommand: AddCommand = (program, action) => {
  program
    .command('report')
    .description('report on a task that was handed to people, or give it back to the agents')
    .argument('<RUN>', 'run id or its beginning')
    .argument('<STEP>', 'the step, as baton inbox names it')
    .option('--complete <json>', 'it is done: its output as JSON, or @file with JSON')
    .option('--fail <reason>', 'it cannot be done')
    .option('--return', 'back to the agents it came from')
    .option('--note <text>', 'with --return: for the next agent')
    .option('--key-file <path>', "file with the person's operator key (or BATON_OPERATOR_KEY)")
    .action(action(report));
};

type Answer = Pick<AnswerTaskInput, 'resolution' | 'output' | 'note'>;

async function report(invocation: Invocation): Promise<ExitCode> {
  const answer = await readAnswer(invocation);
  const identification = identifyPerson(invocation);
  return invocation.withBaton(async (baton) => {
    const { terminal, args } = invocation;
    const [run = '', step_id = ''] = args;
    const run_id = await findRun(baton, run);
    const person = await identification.verify(baton);
    const input = { run_id, step_id, person, ...answer };
    const task = await checkedTask(baton, input);
    if (identification.desk) {
      identification.desk.show(describe(task, run_id, person));
      const word = WORDS[answer.resolution];
      await identification.desk.confirm(`${word} it`, [word]);
    }
    const answered = valueOf(await baton.application.answerTask(callContext(baton), input));
    terminal.json({ ...answered, step_id });
    terminal.line(headLine(terminal, answered));
    terminal.line(
      visibleLine(`${step_id}: ${answer.resolution} by ${person.name} (${person.via})`, 300),
    );
    for (const line of nextLines(answered.next)) terminal.line(line);
    return EXIT.ok;
  });
}

async function readAnswer(invocation: Invocation): Promise<Answer> {
  const complete = invocation.text('complete');
  const fail = personText(invocation, 'fail');
  const note = personText(invocation, 'note');
  const isReturn = invocation.flag('return');
  const given = [complete !== undefined, fail !== undefined, isReturn].filter(Boolean).length;
  if (given !== 1 || (note !== undefined && !isReturn))
    throw usageFailure(
      'give exactly one of --complete JSON, --fail REASON and --return (and --note only with --return)',
      'baton inbox lists the tasks; baton report --help explains the options.',
    );
  if (complete !== undefined)
    return { resolution: 'completed', output: await readOutput(invocation, complete) };
  return fail === undefined
    ? { resolution: 'returned', note }
    : { resolution: 'failed', note: fail };
}

async function readOutput(invocation: Invocation, given: string): Promise<Json> {
  const text = given.startsWith('@') ? readTextFile(given.slice(1), invocation) : given;
  const output = parseJson(text);
  if (output === undefined)
    throw usageFailure(
      '--complete is no JSON',
      `For example: --complete '{"ok":true}', --complete '"in words"', --complete null, --complete @output.json`,
    );
  const { checkJson } = await import('../application/call-arguments.ts');
  const checked = checkJson(output);
  if (!checked.ok || Buffer.byteLength(checked.text) > MAX_PAYLOAD_BYTES)
    throw usageFailure(
      `--complete is no acceptable JSON (too deep, or with prototype keys), or larger than ${MAX_PAYLOAD_BYTES} bytes`,
      'Keep what is large in a file and name it.',
    );
  refuseKey(checked.text, '--complete');
  return output;
}

/** The task as people have it now, once the run would take the person's answer. */
async function checkedTask(
  baton: Baton,
  { run_id, step_id, resolution, output, person }: AnswerTaskInput,
): Promise<PersonTaskView> {
  const answer =
    resolution === 'completed' && output !== undefined
      ? { resolution, output }
      : // Who may fail a task may return it.
        { resolution: 'failed' as const };
  const command = { type: 'AnswerTask', step: step_id, by: person.name, ...answer } as const;
  valueOf(await baton.application.rehearseCommand(callContext(baton), { run_id, command }));
  const { readSituation } = await import('../application/runs/run-situation.ts');
  const { personTasksOf } = await import('../application/people/approval-view.ts');
  const situation = valueOf(
    await readSituation(baton.ports, { tenant: DEFAULT_TENANT, runId: run_id }),
  );
  const task = personTasksOf(situation).find((one) => one.step_id === step_id);
  if (task !== undefined) return task;
  throw usageFailure(
    `the task of step "${step_id}" has just gone to somebody else`,
    'baton inbox lists what waits for people.',
  );
}

function describe(
  { step_id, person: assignee, from, handed_at, instructions, note, context }: PersonTaskView,
  run_id: string,
  person: Person,
): string[] {
  const shown = (value: Json): string[] =>
    quotedLines(
      typeof value === 'string' ? value : JSON.stringify(value, null, 2),
      MAX_SHOWN_CHARS,
    );
  return [
    `Task of step ${visibleLine(step_id)} of run ${run_id}`,
    `  handed to ${visibleLine(assignee ?? 'anyone')} by ${visibleLine(from)} at ${handed_at}`,
    '  instructions:',
    ...shown(instructions),
    ...(note === undefined ? [] : ['  note:', ...shown(note)]),
    ...(context === undefined ? [] : ['  context:', ...shown(context)]),
    `You answer as ${visibleLine(person.name)}.`,
  ];
}
