import type { ApprovalView } from '../application/people/approval-view.ts';
import type { Person } from '../application/people/person.ts';
import type { ResolveApprovalInput } from '../application/people/resolve-approval.ts';
import type { Baton } from '../composition.ts';
import { callContext, type AddCommand, type Invocation } from './cli.ts';
import { CliFailure, valueOf } from './cli-failure.ts';
import type { Desk } from './desk.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { findRun } from './find-run.ts';
import { identifyPerson } from './identify-person.ts';
import { personText } from './person-text.ts';
import { headLine, nextLines } from './run-lines.ts';
import { quotedLines, visibleLine } from '../application/runs/visible-text.ts';

const RESOLUTIONS = { approve: 'chosen', reject: 'rejected' } as const;

/** `approve` and `reject` ask and answer alike. */
export function answerCommand(name: 'approve' | 'reject', description: string): AddCommand {
  return (program, action) => {
    const command = program
      .command(name)
      .description(description)
      .argument('<RUN>', 'run id or its beginning')
      .argument('[APPROVAL]', 'as baton inbox names it; may be left out where only one waits')
      .option('--comment <text>', 'kept in the history')
      .option('--key-file <path>', "file with the person's operator key (or BATON_OPERATOR_KEY)");
    if (name === 'approve')
      command.option('--choice <choice>', 'which of the choices, where there are several');
    command.action(action((invocation) => answer(invocation, RESOLUTIONS[name])));
  };
}

type Resolution = ResolveApprovalInput['resolution'];

async function answer(invocation: Invocation, resolution: Resolution): Promise<ExitCode> {
  const comment = personText(invocation, 'comment');
  return invocation.withBaton(async (baton) => {
    const { terminal, args } = invocation;
    const run_id = await findRun(baton, args[0] ?? '');
    await refuseAnswered(baton, run_id, args[1]);
    const identification = identifyPerson(invocation);
    const person = await identification.verify(baton);
    const choice = invocation.text('choice');
    const wish = { run_id, resolution, person, comment, choice, approval_id: args[1] };
    const input = await checkedWish(baton, wish, identification.desk);
    const answered = valueOf(await baton.application.resolveApproval(callContext(baton), input));
    const said = input.resolution === 'rejected' ? 'rejected' : `"${input.choice ?? ''}"`;
    terminal.json(answered);
    terminal.line(headLine(terminal, answered));
    terminal.line(
      visibleLine(`${answered.approval_id}: ${said} by ${person.name} (${person.via})`, 300),
    );
    for (const line of nextLines(answered.next)) terminal.line(line);
    return EXIT.ok;
  });
}

/** Who asks matters only where something waits for an answer. */
async function refuseAnswered(baton: Baton, run_id: string, named?: string): Promise<void> {
  const { approvalFor } = await import('../application/people/resolve-approval.ts');
  const nobody: Person = { name: '', via: 'terminal' };
  const wish = { run_id, resolution: 'rejected', person: nobody, approval_id: named } as const;
  const context = callContext(baton);
  const approval_id = valueOf(await approvalFor(baton.ports, context, wish));
  const command = commandOf({ ...wish, approval_id });
  const ruling = await baton.application.rehearseCommand(context, { run_id, command });
  if (ruling.ok || ruling.error.code === 'not_an_approver') return;
  valueOf(ruling);
}

/** What is to be recorded, once the run would take it and the person who can be asked has confirmed it. */
async function checkedWish(
  baton: Baton,
  wish: ResolveApprovalInput,
  desk: Desk | undefined,
): Promise<ResolveApprovalInput> {
  const { run_id } = wish;
  const { approvalFor } = await import('../application/people/resolve-approval.ts');
  const context = callContext(baton);
  const approval_id = valueOf(await approvalFor(baton.ports, context, wish));
  const { approvals, workflow } = valueOf(await baton.application.getWorkflow(context, { run_id }));
  const approval = approvals.find((one) => one.approval_id === approval_id);
  // Where the person has yet to choose, any choice tells whether there is something to choose.
  const choice = wish.choice ?? (desk && approval?.choices[0]) ?? onlyOne(approval?.choices ?? []);
  const named = { ...wish, approval_id, choice };
  valueOf(await baton.application.rehearseCommand(context, { run_id, command: commandOf(named) }));
  // The run would take it, so it waits.
  if (approval === undefined) throw new Error(`approval "${approval_id}" waits but is not shown`);
  refuseExpired(approval, run_id, baton.ports.clock.now());
  if (desk === undefined) return named;
  desk.show(describe(approval, { run_id, workflow, person: wish.person }));
  if (wish.resolution === 'rejected') {
    await desk.confirm('reject it', ['reject']);
    return { ...named, choice: undefined };
  }
  const words = wish.choice === undefined ? approval.choices : [wish.choice];
  return {
    ...named,
    choice: await desk.confirm(words.length > 1 ? 'choose it' : 'give that answer', words),
  };
}

function commandOf({ approval_id = '', resolution, choice, person }: ResolveApprovalInput) {
  const { name: by, via } = person;
  const answer = resolution === 'chosen' && choice !== undefined ? { choice } : {};
  return {
    type: 'ResolveApproval',
    approvalId: approval_id,
    resolution,
    by,
    via,
    ...answer,
  } as const;
}

function onlyOne(choices: readonly string[]): string | undefined {
  return choices.length === 1 ? choices[0] : undefined;
}

/** Its time is up, though no Baton process was there to record that. */
function refuseExpired(
  { approval_id, expires_at }: ApprovalView,
  run: string,
  nowMs: number,
): void {
  if (expires_at === undefined || Date.parse(expires_at) > nowMs) return;
  throw new CliFailure({
    exitCode: EXIT.refused,
    code: 'approval_expired',
    message: `Approval "${approval_id}" has expired: it could be answered until ${expires_at}.`,
    changed: 'nothing',
    next: `baton watch ${run} records that and shows how the run goes on.`,
  });
}

function describe(
  { approval_id, question, choices, approvers, asked_by, asked_at, expires_at }: ApprovalView,
  { run_id, workflow, person }: { run_id: string; workflow: string; person: Person },
): string[] {
  return [
    `Approval ${visibleLine(approval_id)} of run ${run_id} (${visibleLine(workflow)})`,
    `  asked by ${asked_by === undefined ? 'the workflow' : visibleLine(asked_by)}${asked_at === undefined ? '' : ` at ${asked_at}`}`,
    `  expires: ${expires_at ?? 'never'}`,
    `  may be answered by: ${approvers === undefined ? 'anyone' : visibleLine(approvers.join(', '), 1_000)}`,
    ...quotedLines(question, question.length * 10),
    `  choices: ${visibleLine(choices.join(', '), 4_000)}; or reject`,
    `You answer as ${visibleLine(person.name)}.`,
  ];
}
