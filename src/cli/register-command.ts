import { readTextFile } from './arguments.ts';
import { callContext, type AddCommand } from './cli.ts';
import { valueOf } from './cli-failure.ts';
import { EXIT } from './exit-codes.ts';
import { targetName, targetOfQueue } from '../application/agents/handover-target.ts';
import { nextLines } from './run-lines.ts';

export const addRegisterCommand: AddCommand = (program, action) => {
  program
    .command('register')
    .description(
      'register a workflow definition (YAML or JSON); the same content keeps its version',
    )
    .argument('<FILE>', 'definition')
    .option('--dry-run', 'check it and show the plan, register nothing')
    .action(
      action((invocation) => {
        const definition = readTextFile(invocation.args[0] ?? '', invocation);
        const dry_run = invocation.flag('dryRun');
        return invocation.withBaton(async (baton) => {
          const { terminal } = invocation;
          const answer = valueOf(
            await baton.application.registerWorkflow(callContext(baton), { definition, dry_run }),
          );
          terminal.json(answer);
          const { name, version, created, levels, queues, graph } = answer;
          const what = dry_run
            ? `${name} is valid; nothing was registered`
            : `${name}@${version ?? ''} ${created ? 'registered' : 'was registered before, nothing to do'}`;
          terminal.line(what);
          for (const [at, ids] of levels.entries()) terminal.line(`  ${at + 1}. ${ids.join(', ')}`);
          for (const line of needsLines(queues)) terminal.line(line);
          if (dry_run) terminal.line(`\n${graph}\n`);
          const next = dry_run ? [`baton register ${invocation.args[0] ?? 'FILE'}`] : answer.next;
          for (const line of nextLines(next)) terminal.line(line);
          return EXIT.ok;
        });
      }),
    );
};

/** Who has to be there for the steps to be done. */
function needsLines(queues: readonly string[]): string[] {
  const workers = queues.filter((queue) => targetOfQueue(queue) === undefined);
  const agents = queues.flatMap((queue) => targetOfQueue(queue) ?? []);
  return [
    ...(workers.length > 0 ? [`Needs workers for: ${workers.join(', ')}`] : []),
    ...(agents.length > 0 ? [`Needs ${agents.map(targetName).join(', ')}`] : []),
  ];
}
