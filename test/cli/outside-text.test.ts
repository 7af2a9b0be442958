import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attentionLines, endLines, eventText, nextLines } from '../../src/cli/run-lines.ts';
import { printTable } from '../../src/cli/table.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import { valueOf } from '../application/workbench.ts';
import { PeopleFixture } from './people-fixture.ts';

/** Clears the screen, sets the title, colours, turns letters round; then a line of its own. */
const HOSTILE = '\u001b[2J\u001b]0;title\u0007\u001b[8m\u202eabc\u009b\r\u2028x\nFORGED line';

function terminal(isTTY: boolean) {
  let text = '';
  const stream = { isTTY, write: (more: string) => (text += more) !== '', on: () => undefined };
  const made = new Terminal({
    stdout: stream,
    stderr: stream,
    environment: {},
    json: false,
    noColor: false,
    onBroken: () => undefined,
  });
  return { made, text: () => text };
}

/** Anything but printed characters, line ends and the colours that Baton itself uses. */
function hidden(text: string): string[] {
  return text.replaceAll(/\u001b\[(?:1|22|3[0-79]|90)m/g, '').match(/[\p{Cc}\p{Cf}\u2028]/gu) ?? [];
}

describe('a terminal', () => {
  test.each([true, false])('writes out what a command forgot to (a screen: %s)', async (isTTY) => {
    const { made, text } = terminal(isTTY);
    made.line(`${made.style('red', 'failed')} ${HOSTILE}`);
    made.note(HOSTILE);
    await printTable(made, ['name'], [[HOSTILE]]);
    expect(hidden(text()).filter((found) => found !== '\n')).toEqual([]);
    expect(text()).toContain(String.raw`\u{1b}[2J\u{1b}]0;title\u{7}\u{1b}[8m\u{202e}abc`);
    expect(text().includes('\u001b[31mfailed\u001b[39m')).toBe(isTTY);
  });

  test('keeps a cell of a table on one line', async () => {
    const { made, text } = terminal(false);
    await printTable(made, ['name'], [[HOSTILE]]);
    expect(text().split('\n')).toHaveLength(3);
  });
});

describe('lines about a run', () => {
  const { made } = terminal(true);
  const progress = { completed: 0, failed: 0, dropped: 0, total: 1 };
  const run = {
    run_id: 'r1',
    workflow: 'w',
    version: 1,
    status: 'failed',
    started_at: '2026-01-01T00:00:00.000Z',
    duration_ms: 1,
    progress,
  } as const;
  const call = `signal_workflow ${JSON.stringify({ run_id: 'r1', name: `go  ${HOSTILE}` })}`;
  const event = { sequence: 1, at: 'now', type: 'WorkflowPaused', actor: HOSTILE } as const;

  test.each([
    ['an error', endLines(made, { ...run, error: { code: 'no', message: HOSTILE } })],
    ['an output', endLines(made, { ...run, output: { text: HOSTILE } })],
    ['a reason', attentionLines(made, [{ kind: 'paused', message: HOSTILE, next: call }])],
    ['a call', nextLines([call])],
    ['an event', [eventText(made, { ...event, text: HOSTILE })]],
  ])('%s: none is forged', (_name, lines) => {
    const text = lines.join('\n');
    expect(text).toContain('FORGED');
    expect(text).not.toMatch(/^FORGED/m);
    expect(hidden(text).filter((found) => found !== '\n')).toEqual([]);
  });

  test('an error of many lines keeps them, behind a bar', () => {
    const error = { code: 'exit_1', message: 'first\n  second\n' };
    expect(endLines(terminal(false).made, { ...run, error })).toEqual([
      'error: exit_1:',
      '  │ first',
      '  │   second',
    ]);
  });

  test('a call is whole, its spaces too', () => {
    expect(nextLines([`signal_workflow {"run_id":"r1","name":"a  b"}`])[1]).toBe(
      "  baton signal r1 'a  b'",
    );
  });
});

describe('what agents wrote, as commands print it', () => {
  const baton = new PeopleFixture();
  let run: string;
  beforeAll(async () => {
    run = await baton.startRun('task.yaml');
    await baton.asAgent(async ({ baton: { application }, context }) => {
      const agent = { agent_id: 'robot', capabilities: ['review'], wait_seconds: 0, cursor: run };
      const called = { ...context, actor: `client:${HOSTILE}` };
      const definition = JSON.stringify({
        name: 'described',
        description: HOSTILE,
        steps: [{ id: 'a', uses: 'signal', with: { name: 'go' } }],
      });
      valueOf(await application.registerWorkflow(called, { definition }));
      const { task } = valueOf(await application.claimTask(called, agent));
      const asked = { run_id: run, question: HOSTILE, choices: [HOSTILE], wait_seconds: 0 };
      valueOf(await application.requestApproval(called, asked));
      valueOf(
        await application.createCheckpoint(called, { run_id: run, name: HOSTILE, note: HOSTILE }),
      );
      const handed = { task: task?.task ?? '', to_person: 'anna', note: HOSTILE, context: HOSTILE };
      valueOf(await application.handoffTask(called, handed));
      valueOf(await application.pauseWorkflow(called, { run_id: run, reason: HOSTILE }));
    });
  });
  afterAll(() => baton.dispose());

  test.each([
    ['show', () => [run]],
    ['explain', () => [run]],
    ['history', () => [run]],
    ['inbox', () => []],
    ['checkpoints', () => []],
    ['agents', () => []],
    ['list', () => ['--definitions']],
  ])('%s shows it and forges nothing', async (command, args) => {
    const { stdout, stderr, code } = await baton.run([command, ...args()]);
    expect(code).toBe(0);
    expect(hidden(stdout + stderr).filter((found) => found !== '\n')).toEqual([]);
    expect(stdout).toContain(String.raw`\u{1b}[2J`);
    expect(stdout).not.toMatch(/^\s*FORGED/m);
  });
});
