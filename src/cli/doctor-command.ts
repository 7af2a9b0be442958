import { checkSurroundings, type Check } from './doctor-checks.ts';
import type { AddCommand, Invocation } from './cli.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

const MARKS: Readonly<Record<Check['status'], [string, Parameters<Terminal['style']>[0]]>> = {
  ok: ['ok     ', 'green'],
  note: ['note   ', 'yellow'],
  problem: ['PROBLEM', 'red'],
};

export const addDoctorCommand: AddCommand = (program, action) => {
  program
    .command('doctor')
    .description('check everything Baton needs here; ends with 8 if something is wrong')
    .action(action(examine));
};

async function examine(invocation: Invocation): Promise<ExitCode> {
  const { terminal } = invocation;
  const checks: Check[] = [];
  for await (const check of checkSurroundings(invocation)) {
    checks.push(check);
    const [mark, style] = MARKS[check.status];
    terminal.line(`${terminal.style(style, mark)}  ${check.name}: ${check.message}`);
  }
  const problems = checks.filter(({ status }) => status === 'problem').length;
  terminal.json({ problems, checks });
  terminal.line(problems === 0 ? 'No problems.' : `${problems} problem(s).`);
  return problems === 0 ? EXIT.ok : EXIT.doctorFoundProblems;
}
