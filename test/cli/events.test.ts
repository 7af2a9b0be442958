import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { missingRedis, redisSuite, startRedisServer } from '../support/redis-server.ts';
import { BatonFixture, type Running } from './run-baton.ts';

const HELLO = `
name: hello
steps:
  - { id: a, uses: shell, with: { command: [sh, -c, "echo one"] } }
`;
const MESSAGES = 8;

const baton = new BatonFixture();
afterAll(() => baton.dispose());

interface Line {
  readonly id: string;
  readonly topic: string;
  readonly body: { readonly n: number };
  readonly cursor: string;
}

function linesOf(stdout: string): Line[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

/** All that a process wrote, from its start on. */
function watch({ child }: Running): { text: string } {
  const output = { text: '' };
  child.stdout?.on('data', (chunk: Buffer) => (output.text += String(chunk)));
  return output;
}

test('the events of a run and what was published are read, and read on from a cursor', async () => {
  baton.write('hello.yaml', HELLO);
  expect((await baton.run(['run', 'hello.yaml', '--watch'])).code).toBe(0);
  const published = await baton.json(['publish', 'greetings.all', '{"n":7}', '--id', 'first']);
  expect(published).toEqual({
    code: 0,
    value: { topic: 'greetings.all', id: 'first', duplicate: false },
  });
  const again = await baton.run(['publish', 'greetings.all', '{"n":7}', '--id', 'first']);
  expect(again.stdout).toContain('was published before');
  const other = await baton.run(['publish', 'greetings.all', '{"n":8}', '--id', 'first']);
  expect(other.stdout).toContain('what was published first stays');

  const { stdout, code } = await baton.run(['events', '--json']);
  expect(code).toBe(0);
  const lines = linesOf(stdout);
  expect(lines.map(({ topic }) => topic.replace(/^runs\.\w+/, 'runs'))).toEqual([
    'runs.workflow_started',
    'runs.steps_scheduled',
    'runs.step_completed',
    'runs.workflow_completed',
    'greetings.all',
  ]);
  const after = lines[3]?.cursor ?? '';
  const rest = linesOf((await baton.run(['events', '--after', after, '--json'])).stdout);
  expect(rest).toEqual(lines.slice(4));

  const text = await baton.run(['events', 'runs.*.workflow_completed', 'greetings.>']);
  expect(text.stdout).toMatch(/runs\.\w+\.workflow_completed {2}run completed \(\w+#4\)\n/);
  expect(text.stdout).toMatch(/greetings\.all {2}\{"n":7\} \(first\)\n$/);
  expect(text.stderr).toMatch(/^More: --after \S+\n$/);

  // In a store of its own: consumers are counted below.
  const own = { BATON_STORE: join(baton.root, 'idle.db') };
  await baton.run(['publish', 'greetings.all', '{"n":7}'], own);
  const none = await baton.run(['events', 'nothing.*', '--consumer', 'idle'], own);
  expect(none).toMatchObject({ stdout: 'No messages.\n', stderr: '', code: 0 });
});

test('what is followed needs no cursor to go on, to its end or to an interruption', async () => {
  await baton.run(['publish', 'stops.here', '{"n":1}']);
  const follow = ['events', 'stops.*', '--follow', '--after', 'oldest'];
  const limited = await baton.run([...follow, '--limit', '1']);
  expect(limited.stdout).toMatch(/stops\.here {2}\{"n":1\} /);
  expect(limited).toMatchObject({ stderr: '', code: 0 });
  const running = baton.start(follow);
  await running.stdoutMatching(/stops\.here/);
  running.child.kill('SIGINT');
  expect(await running.ended).toMatchObject({ stderr: '', code: 130 });
});

test('what cannot be is refused with the reason, and changes nothing', async () => {
  const cases: [string[], RegExp][] = [
    [['publish', 'runs.x.step_completed', '1'], /the engine's own/],
    [['publish', 'a..b', '1'], /empty level/],
    [['publish', 'a.b', 'x'.repeat(70_000)], /at most 65536 fit into a message/],
    [['events', 'a.>.b'], /comes last/],
    [['events', '--after', 'yesterday'], /cursor/],
    [['events', '--consumer', 'No Name'], /lower case letters/],
    [['events', '--limit', '0'], /limit/],
    [['events', '--consumer', 'mine', '--after', 'oldest'], /a consumer goes on where it was/],
  ];
  for (const [args, reason] of cases) {
    const { stderr, code } = await baton.run(args);
    expect(stderr).toMatch(reason);
    expect(stderr).toContain('Nothing was changed.');
    expect(code).toBe(2);
  }
});

const redis = missingRedis === undefined ? await startRedisServer() : undefined;
afterAll(() => redis?.remove());

// The heir waits for the lease of the dead: one beside the other.
describe.concurrent('when a consumer is killed in the middle', () => {
  test('nothing is lost in SQLite', () => killAndTakeOver({}), 60_000);

  test.skipIf(redis === undefined)(
    redisSuite('nothing is lost in Redis'),
    () => killAndTakeOver({ BATON_STORE: redis?.url ?? '' }),
    60_000,
  );
});

async function killAndTakeOver(store: Record<string, string>): Promise<void> {
  const run = (...args: string[]) => baton.run(args, store);
  const publish = async (n: number): Promise<void> => {
    const { code } = await run('publish', 'orders.new', `{"n":${n}}`, '--id', `order-${n}`);
    expect(code).toBe(0);
  };
  const follow = ['events', 'orders.*', '--consumer', 'mailer', '--follow', '--json'];
  const first = baton.start(follow, store);
  const outputs = [watch(first)];
  await publish(0);
  await first.stdoutMatching(/order-0/);
  const refused = await run('events', '--consumer', 'mailer');
  expect(refused.stderr).toContain('another process holds the consumer "mailer"');
  expect(refused.code).toBe(4);
  const second = baton.start(follow, store);
  outputs.push(watch(second));
  await waiting(second);

  for (let n = 1; n < MESSAGES / 2; n += 1) await publish(n);
  first.child.kill('SIGKILL');
  for (let n = MESSAGES / 2; n < MESSAGES; n += 1) await publish(n);
  // Those that the first did not acknowledge come again: the last one of all comes to the second in any case.
  await second.stdoutMatching(new RegExp(`order-${MESSAGES - 1}\\b`));
  second.child.kill('SIGTERM');
  expect((await second.ended).code).toBe(130);

  const all = outputs.flatMap(({ text }) => linesOf(text));
  const numbers = new Map(all.map(({ id, body }) => [id, body.n]));
  expect([...numbers.values()].sort((a, b) => a - b)).toEqual(
    Array.from({ length: MESSAGES }, (_, n) => n),
  );
  // At its end the consumer stands behind everything.
  const left = await run('events', 'orders.*', '--consumer', 'mailer', '--json');
  expect(linesOf(left.stdout)).toEqual([]);

  const { stdout } = await run('doctor');
  expect(stdout).toMatch(/ok {7}bus: \d+ entries in the feed, the oldest of \S+; 1 consumer;/);
  expect(stdout).toMatch(
    /ok {7}consumer: mailer \(orders\.\*\): 0 entries of the feed \(all topics\) not looked at yet, nobody holds it/,
  );
}

/** Until it says that another process holds the consumer. */
function waiting({ child }: Running): Promise<void> {
  return new Promise((resolve) => {
    let text = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      text += String(chunk);
      if (text.includes('Another process holds this consumer')) resolve();
    });
  });
}
