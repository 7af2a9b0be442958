/**
 * `npm run quickstart [-- --store redis://…]`: drives a Baton server over stdio as a coding agent would, kills it in the middle with SIGKILL,
 * starts another, and shows that the run goes on and no completed step runs again. Exits 1 when it does not.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { styleText } from 'node:util';
import { isStoreUrl, shownStore } from '../../src/config/store-place.ts';
import { startBaton, type BatonServer } from './baton-server.ts';
import { QuickstartError, readStoreOption } from './options.ts';
import { registrationLines } from './registration.ts';
import { createRunView, stepRows, stepTable, type StepRow } from './run-view.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
/** Completed steps after which the server is killed. */
const KILL_AFTER = 2;
const POLL_SECONDS = 1;

// What a person can put right is told without a stack; whatever it is, a server that runs ends with this process.
process.on('uncaughtException', (error) => {
  const told = error instanceof QuickstartError ? error.message : (error.stack ?? error.message);
  console.error(`quickstart failed: ${told}`);
  process.exit(1);
});

const chosenStore = readStoreOption(process.argv.slice(2));
const folder = mkdtempSync(join(tmpdir(), 'baton-quickstart-'));
const store = chosenStore ?? join(folder, 'baton.db');
const environment = {
  BATON_STORE: store,
  BATON_LOG_FILE: join(folder, 'baton.log'),
  BATON_WORKSPACE: REPOSITORY,
  // Shell steps are off unless the configuration names the program.
  BATON_SHELL_ALLOW: 'node',
};

const say = (text: string): void => console.log(text);
const heading = (text: string): void => say(`\n${styleText('bold', text)}`);
const view = createRunView();

const freshOrNot = chosenStore === undefined ? 'a fresh store' : 'your store';
heading(`1. A server on ${freshOrNot}, driven by the official MCP client`);
const first = await startBaton(environment);
say(`  server ${first.pid}, store ${shownStore(store)}`);
const definition = readFileSync(join(REPOSITORY, 'workflows/repo-check.yaml'), 'utf8');
const registered = await first.call('register_workflow', { definition });
say(`  ${registered.text.split('\n')[0] ?? ''}`);
const started = await first.call('start_workflow', {
  workflow: 'repo-check',
  // The store may hold the runs of earlier quickstarts.
  idempotency_key: `quickstart-${randomUUID()}`,
});
const runId = String(started.structured['run_id']);
say(`  started run ${runId}`);

heading('2. The run, until two steps are done');
const before = await watch(first, (rows) => countCompleted(rows) >= KILL_AFTER);
const historyBefore = await readHistory(first);
await first.kill();
say(
  styleText('red', `\n  killed server ${first.pid} with SIGKILL; ${running(before)} died with it`),
);

heading('3. Another server on the same store goes on');
const second = await startBaton(environment);
say(
  `  server ${second.pid}; steps of the dead one are taken over when their lease runs out (10 s)`,
);
const after = await watch(second, () => false);
const { text: report } = await second.call('get_workflow', { run_id: runId, step: '$run' });
const graph = await second.call('register_workflow', { definition, dry_run: true });
const historyAfter = (await readHistory(second)).slice(historyBefore.length);
const repeated = completedIn(historyBefore).filter((step) =>
  completedIn(historyAfter).includes(step),
);
await second.close();

heading('4. What happened');
say(stepTable(after));
say(
  `  completed before the kill: ${completedIn(historyBefore).join(', ')}; run again: ${repeated.join(', ') || 'none'}`,
);
say(`  report: ${/"([^"]+\.md)"/.exec(report)?.[1] ?? 'missing'}`);
say(`  taken over from the dead server (the same attempt, delivered again): ${running(before)}`);
heading('5. Its graph (Mermaid)');
say(graph.text.slice(graph.text.indexOf('flowchart')).split('\nnext:')[0] ?? '');
heading('6. Register Baton in your agent');
say(registrationLines(REPOSITORY, chosenStore));
say(
  `\nLook around: npx baton show ${runId} --store ${isStoreUrl(store) ? `'${shownStore(store)}'` : store}`,
);
say(`Remove all of it: rm -r ${folder} .baton`);
if (chosenStore !== undefined)
  say('The run stays in your store until its retention ends (30 days, unless set otherwise).');

const isDone = after.every(({ status }) => status === 'completed');
if (!isDone || repeated.length > 0) {
  console.error(
    `quickstart failed: ${isDone ? 'a completed step ran again' : 'a step did not complete'}`,
  );
  process.exitCode = 1;
}

/** Follows the run until it has ended or `enough` says so. */
async function watch(
  server: BatonServer,
  enough: (rows: readonly StepRow[]) => boolean,
): Promise<StepRow[]> {
  let cursor: unknown;
  for (;;) {
    const rows = stepRows((await server.call('get_workflow', { run_id: runId })).text);
    view.show(rows);
    if (enough(rows)) return rows;
    const seen = await server.call('await_workflow', {
      run_id: runId,
      wait_seconds: POLL_SECONDS,
      ...(cursor !== undefined && { cursor }),
    });
    cursor = seen.structured['next_cursor'];
    if (seen.structured['finished'] !== true) continue;
    const last = stepRows((await server.call('get_workflow', { run_id: runId })).text);
    view.show(last);
    view.done();
    return last;
  }
}

async function readHistory(server: BatonServer): Promise<{ type: string; text: string }[]> {
  const events: { type: string; text: string }[] = [];
  for (let from: unknown = 1; from !== undefined;) {
    const { structured } = await server.call('get_workflow_history', { run_id: runId, from });
    events.push(...(structured['events'] as { type: string; text: string }[])); // the tool's output schema
    from = structured['next_from'];
  }
  return events;
}

function completedIn(history: readonly { type: string; text: string }[]): string[] {
  return history.flatMap(({ type, text }) =>
    type === 'StepCompleted' ? [text.split(' ')[0] ?? ''] : [],
  );
}

function countCompleted(rows: readonly StepRow[]): number {
  return rows.filter(({ status }) => status === 'completed').length;
}

function running(rows: readonly StepRow[]): string {
  return (
    rows
      .filter(({ status }) => status === 'running')
      .map(({ id }) => id)
      .join(', ') || 'nothing'
  );
}
