import { stripVTControlCharacters } from 'node:util';
import { afterAll, afterEach, expect, test } from 'vitest';
import type { Activity } from '../../src/application/health/get-activity.ts';
import { topFrame } from '../../src/cli/top-view.ts';
import { AtTerminal, hasScript } from './run-at-terminal.ts';
import { BatonFixture } from './run-baton.ts';
import { silentTerminal } from './silent-terminal.ts';

const worker = (at: number) => ({
  workerId: `laptop-4${at}-abcdef`,
  queues: ['shell:sh', 'shell:node'],
  pid: 40 + at,
  host: 'laptop',
  busy: at,
  limit: 4,
  startedAtMs: 0,
});

const activity: Activity = {
  atMs: 90_000,
  status: 'degraded',
  reasons: ['2 task(s) wait\u001b[2J in "gpu"'],
  queues: [
    { queue: 'shell:sh', waiting: 0, leased: 3 },
    { queue: 'gpu', waiting: 2, leased: 0, oldestWaitingSinceMs: 30_000 },
  ],
  workers: [worker(1), worker(2)],
  leases: [{ runId: 'run1', step: 'test', workerId: 'laptop-42-abcdef', heldMs: 61_000 }],
  rates: { steps: 1_234.5, runs: 3.21 },
};

test('a frame shows what goes on: the fullest queue, the busiest worker and the longest lease first', () => {
  expect(topFrame(silentTerminal, activity, { columns: 200, rows: 40 }).split('\n')).toEqual([
    'baton top 00:01:30 UTC  degraded  3.2 workflows/s, 1235 steps/s  2 waiting, 3 running, 2 worker(s)',
    expect.stringMatching(/^! 2 task\(s\) wait\\.*2J in "gpu"$/) as string,
    '',
    'QUEUE     WAITING  RUNNING  OLDEST',
    'gpu       2        0        1 min 0 s',
    'shell:sh  0        3',
    '',
    'WORKER            BUSY  UP          PID  HOST    QUEUES',
    'laptop-42-abcdef  2/4   1 min 30 s  42   laptop  shell:sh, shell:node',
    'laptop-41-abcdef  1/4   1 min 30 s  41   laptop  shell:sh, shell:node',
    '',
    'HELD FOR   RUN   STEP  WORKER',
    '1 min 1 s  run1  test  laptop-42-abcdef',
  ]);
});

test('the head takes two lines where one is too narrow, and nothing of it is lost', () => {
  const [first, second] = topFrame(silentTerminal, activity).split('\n');
  expect(first).toBe('baton top 00:01:30 UTC  degraded  3.2 workflows/s, 1235 steps/s');
  expect(second).toBe('2 waiting, 3 running, 2 worker(s)');
});

test('a frame fits the screen, and says what it leaves out', () => {
  const workers = Array.from({ length: 100 }, (_, at) => worker(at));
  const size = { columns: 30, rows: 24 };
  const lines = topFrame(silentTerminal, { ...activity, workers, rates: undefined }, size).split(
    '\n',
  );
  expect(Math.max(...lines.map(({ length }) => length))).toBe(30);
  expect(lines.length).toBeLessThanOrEqual(size.rows);
  expect(lines).toContain('  and 97 more');
  expect(topFrame(silentTerminal, { ...activity, rates: undefined })).toContain(
    'rates not measured yet',
  );
});

const baton = new BatonFixture();
const open: AtTerminal[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.kill();
});
afterAll(() => baton.dispose());

test('prints one sample where nobody looks, and one document with --json', async () => {
  const running = baton.start(['worker', '--concurrency', '3']);
  const [, id = ''] = await running.stdoutMatching(/worker (\S+) serves/);
  const text = await baton.run(['top']);
  expect(text.stdout).toMatch(/ ok .*0 waiting, 0 running, 1 worker\(s\)/);
  expect(text.stdout).toContain(id);
  const { value, code } = await baton.json(['top', '--once']);
  expect(code).toBe(0);
  expect(value).toMatchObject({
    status: 'ok',
    reasons: [],
    queues: [],
    leases: [],
    workers: [{ worker_id: id, busy: 0, limit: 3, queues: ['shell:sh'] }],
  });
  running.child.kill('SIGTERM');
  expect((await running.ended).code).toBe(0);
  const wrong = await baton.run(['top', '--interval', '1ms']);
  expect(wrong.stderr).toContain('--interval: expected 0.2 to 3600 seconds');
  expect(wrong.code).toBe(2);
});

// Other systems have no program that gives a process a terminal from a command line alike.
test.skipIf(!hasScript)('is drawn again and again at a terminal until q is typed', async () => {
  const args = ['top', '--interval', '200ms'];
  const top = new AtTerminal(baton, args, {}, '', 'stty cols 50 rows 20;');
  open.push(top);
  await top.sees('HELD FOR');
  // A later sample is drawn in the place of the first.
  const later = await top.sees(/baton top (\S+) UTC[^]*baton top (?!\1)\S+ UTC/);
  const lines = stripVTControlCharacters(later).split(/[\r\n]+/);
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(50);
  top.types('q');
  const { code, output } = await top.end();
  expect(code).toBe(0);
  // The cursor is shown again.
  expect(output.lastIndexOf('\u001b[?25h')).toBeGreaterThan(output.lastIndexOf('\u001b[?25l'));
});
