import { callContext, type AddCommand } from './cli.ts';
import { valueOf } from './cli-failure.ts';
import { EXIT } from './exit-codes.ts';
import { printTable } from './table.ts';
import type { Terminal } from './terminal.ts';
import { visibleLine } from '../application/runs/visible-text.ts';

export const addAgentsCommand: AddCommand = (program, action) => {
  program
    .command('agents')
    .description('list the agents of the last 30 days: what they can do, whether they are there')
    .action(
      action((invocation) =>
        invocation.withBaton(async (baton) => {
          const { terminal } = invocation;
          const known = valueOf(await baton.application.listAgents(callContext(baton), {}));
          terminal.json(known);
          const rows = known.agents.map(
            ({ agent_id, capabilities, status, last_seen_at, client }) => [
              agent_id,
              visibleLine(capabilities.join(', ')),
              presence(terminal, status),
              last_seen_at,
              visibleLine(client),
            ],
          );
          const head = ['agent', 'capabilities', 'status', 'last seen', 'client'];
          if (rows.length === 0) terminal.line('No agent has been seen in the last 30 days.');
          else await printTable(terminal, head, rows);
          return EXIT.ok;
        }),
      ),
    );
};

function presence(terminal: Terminal, status: 'present' | 'away'): string {
  return terminal.style(status === 'present' ? 'green' : 'gray', status);
}
