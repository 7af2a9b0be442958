import type { ListWorkflowsInput } from '../application/runs/list-workflows.ts';
import { visibleLine } from '../application/runs/visible-text.ts';
import type { Baton } from '../composition.ts';
import { parsed } from './arguments.ts';
import { callContext, type AddCommand, type Invocation } from './cli.ts';
import { valueOf } from './cli-failure.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { statusText } from './run-lines.ts';
import { printTable } from './table.ts';

const MAX_DESCRIPTION_CHARS = 200;

export const addListCommand: AddCommand = (program, action) => {
  program
    .command('list')
    .description('list runs, newest first; or the registered definitions')
    .option('--status <status>', 'only runs of this status')
    .option('--workflow <name>', 'only runs of this workflow')
    .option('--limit <n>', 'at most this many, 1 to 50 (default: 20)')
    .option('--cursor <cursor>', 'go on after the last page')
    .option('--definitions', 'list definitions instead of runs')
    .action(
      action((invocation) =>
        invocation.withBaton((baton) =>
          invocation.flag('definitions')
            ? listDefinitions(invocation, baton)
            : listRuns(invocation, baton),
        ),
      ),
    );
};

async function listRuns(invocation: Invocation, baton: Baton): Promise<ExitCode> {
  const { terminal } = invocation;
  const { listWorkflowsInputSchema } = await import('../application/runs/list-workflows.ts');
  const input: ListWorkflowsInput = await parsed(invocation, listWorkflowsInputSchema, {
    status: 'status',
    workflow: 'workflow',
    limit: 'limit',
    cursor: 'cursor',
  });
  const page = valueOf(await baton.application.listWorkflows(callContext(baton), input));
  terminal.json(page);
  const rows = page.runs.map(({ run_id, workflow, status, started_at, finished_at }) => [
    run_id,
    workflow,
    statusText(terminal, status),
    started_at,
    finished_at ?? '',
  ]);
  if (rows.length === 0) terminal.line('No runs.');
  else await printTable(terminal, ['run', 'workflow', 'status', 'started', 'finished'], rows);
  if (page.next_cursor !== undefined) terminal.line(`More: --cursor ${page.next_cursor}`);
  return EXIT.ok;
}

async function listDefinitions(invocation: Invocation, baton: Baton): Promise<ExitCode> {
  const { terminal } = invocation;
  const cursor = invocation.text('cursor');
  const catalog = valueOf(
    await baton.application.listCatalog(callContext(baton), {
      kind: 'workflows',
      ...(cursor && { cursor }),
    }),
  );
  terminal.json(catalog);
  const rows = (catalog.workflows ?? []).map(({ name, version, description = '' }) => [
    name,
    String(version),
    visibleLine(description, MAX_DESCRIPTION_CHARS),
  ]);
  if (rows.length === 0) terminal.line('No definitions.');
  else await printTable(terminal, ['workflow', 'version', 'description'], rows);
  if (catalog.next_cursor !== undefined) terminal.line(`More: --cursor ${catalog.next_cursor}`);
  return EXIT.ok;
}
