import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { valueOf } from '../application/workbench.ts';
import { PeopleFixture } from './people-fixture.ts';

const baton = new PeopleFixture();
let anna = '';
let bert = '';
beforeAll(async () => {
  [anna, bert] = await Promise.all([baton.keyFile('anna'), baton.keyFile('bert')]);
});
afterAll(() => baton.dispose());

async function expectJson(args: readonly string[], shape: object): Promise<void> {
  expect((await baton.json(args)).value).toMatchObject(shape);
}

describe('approve and reject', () => {
  test('record the answer of the person whose key it is, and the run goes on', async () => {
    const run = await baton.startRun('gate.yaml');
    const { stdout, code } = await baton.approve(run.slice(0, 12), anna, '--comment', 'fine by me');
    expect(stdout).toContain('gate@1 completed');
    expect(stdout).toContain('ok: "approve" by anna (operator_key)');
    expect(code).toBe(0);
    await expectJson(['show', run], {
      status: 'completed',
      output: { choice: 'approve', by: 'anna', comment: 'fine by me' },
    });
    const history = await baton.run(['history', run]);
    expect(history.stdout).toContain('by anna (operator_key): fine by me (person:anna)');
  });

  test('take the key from the environment, and answer --json', async () => {
    const run = await baton.startRun('gate.yaml');
    const key = (await baton.run(['keys', 'create', 'ci'])).stdout;
    const { stdout } = await baton.run(['reject', run, 'ok', '--comment', 'not now', '--json'], {
      BATON_OPERATOR_KEY: key,
    });
    expect(JSON.parse(stdout)).toMatchObject({
      run_id: run,
      approval_id: 'ok',
      status: 'failed',
      changed: true,
      error: { message: expect.stringContaining('rejected by ci: not now') as string },
    });
  });

  test('choose among several, and say when there is no such choice', async () => {
    const run = await baton.startRun('where.yaml');
    const none = await baton.approve(run, anna);
    expect(none.stderr).toMatch(/several choices; none was named.*\n.*\nNext: .*the real thing/);
    expect(none.code).toBe(4);
    const wrong = await baton.approve(run, anna, '--choice', 'production');
    expect(wrong.stderr).toContain('has no choice "production"');
    expect(wrong.code).toBe(4);
    const right = await baton.approve(run, anna, 'ok', '--choice', 'the real thing');
    expect(right.stdout).toContain('ok: "the real thing" by anna');
    expect(right.code).toBe(0);
  });

  test('are refused to who is no approver, and the approval goes on waiting', async () => {
    const run = await baton.startRun('where.yaml');
    const carl = await baton.keyFile('carl');
    const { stderr, code } = await baton.approve(run, carl, '--choice', 'staging');
    expect(stderr).toContain('"carl" may not answer approval "ok"; these may: anna, bert');
    expect(code).toBe(4);
    expect((await baton.run(['reject', run, '--key-file', carl])).code).toBe(4);
    await expectJson(['show', run], { status: 'running', approvals: [{ status: 'waiting' }] });
  });

  test('of two at once one is recorded, and the other told', async () => {
    const run = await baton.startRun('where.yaml');
    const both = await Promise.all([
      baton.approve(run, anna, '--choice', 'staging'),
      baton.run(['reject', run, '--key-file', bert]),
    ]);
    const [winner, loser] = both[0].code === 0 ? both : [both[1], both[0]];
    expect(winner.code).toBe(0);
    expect(loser.code).toBe(4);
    expect(loser.stderr).toMatch(/^error: (?:No approval waits|Approval "ok" waits for nobody)/);
    expect(loser.stderr).toContain('Nothing was changed.');
    const { stdout } = await baton.run(['history', run, '--json']);
    expect(stdout.match(/"type":"ApprovalResolved"/g)).toHaveLength(1);
  });

  test('say what became of an approval that waits no longer', async () => {
    const run = await baton.startRun('gate.yaml');
    expect((await baton.approve(run, anna)).code).toBe(0);
    const again = await baton.approve(run, anna);
    expect(again.stderr).toContain('No approval waits in run');
    expect(again.code).toBe(4);
    const named = await baton.approve(run, anna, 'ok');
    expect(named.stderr).toContain('Nothing was changed.');
    expect(named.code).toBe(4);
    const unknown = await baton.approve(run, anna, 'okay');
    expect(unknown.stderr).toContain('has no approval "okay"');
    expect(unknown.code).toBe(3);
    expect((await baton.approve('zzzz', anna)).code).toBe(3);
  });

  test('refuse an expired approval although no process was there to see it expire', async () => {
    baton.write(
      'brief.yaml',
      `name: brief\nsteps:\n  - { id: ok, uses: approval, with: { question: Now?, expires: 1ms } }\n`,
    );
    const run = await baton.startRun('brief.yaml');
    const { stderr, code } = await baton.approve(run, anna);
    expect(stderr).toMatch(/Approval "ok" has expired/);
    expect(code).toBe(4);
    const { stdout } = await baton.run(['history', run, '--json']);
    expect(stdout).not.toContain('"type":"ApprovalResolved"');
  });

  test('want to know which, where an agent asked for another one', async () => {
    const run = await baton.startRun('gate.yaml');
    const asked = await baton.asAgent(async ({ baton: { application }, context }) =>
      valueOf(
        await application.requestApproval(context, {
          run_id: run,
          question: 'May I?',
          wait_seconds: 0,
        }),
      ),
    );
    const which = await baton.approve(run, anna);
    expect(which.stderr).toContain(`ok, ${asked.approval_id}`);
    expect(which.code).toBe(4);
    const one = await baton.approve(run, anna, asked.approval_id);
    expect(one.stdout).toContain(`${asked.approval_id}: "approve" by anna`);
    expect(one.code).toBe(0);
    const twice = await baton.approve(run, bert, asked.approval_id);
    expect(twice.stderr).toContain('was answered with "approve" by anna already');
    expect(twice.code).toBe(4);
    await expectJson(['show', run], { status: 'running' });
  });
});

describe('without a terminal and without a key', () => {
  test.each([['approve'], ['reject'], ['report']])('baton %s is refused', async (name) => {
    const run = await baton.startRun('gate.yaml');
    const more = name === 'report' ? ['look', '--return'] : [];
    const { stdout, stderr, code } = await baton.run([name, run, ...more]);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: only a person answers this/);
    expect(stderr).toContain('Nothing was changed.\nNext: Run it at a terminal');
    expect(code).toBe(4);
  });

  test.each([['approve'], ['reject']])('baton %s says first where nothing waits', async (name) => {
    const run = await baton.startRun('gate.yaml');
    await baton.approve(run, anna);
    const over = await baton.run([name, run]);
    expect(over.stderr).toMatch(/^error: No approval waits in run \w+ \(it is completed\)\.\n/);
    expect(over.code).toBe(4);
    const named = await baton.run([name, run, 'ok']);
    expect(named.stderr).toContain('"ok" waits for nobody: its step is completed');
    expect((await baton.run([name, 'zzzz'])).code).toBe(3);
  });

  test('no option stands in for either', async () => {
    for (const option of ['--yes', '-y', '--force', '--no-confirm', '--as=anna']) {
      const { stderr, code } = await baton.run(['approve', 'zzzz', option]);
      expect(stderr).toContain('unknown option');
      expect(code).toBe(2);
    }
  });
});

describe('report', () => {
  test('completes a task that was handed to people, within its contract', async () => {
    const run = await baton.startHandedTask();
    const report = ['report', run, 'look', '--key-file', anna];
    const wrong = await baton.run([...report, '--complete', '{"verdict":1}']);
    expect(wrong.stderr).toContain('does not fit the contract');
    expect(wrong.stderr).toContain('verdict');
    expect(wrong.code).toBe(2);
    baton.write('output.json', '{"verdict":"good"}');
    const right = await baton.run([...report, '--complete', '@output.json']);
    expect(right.stdout).toContain('look: completed by anna (operator_key)');
    expect(right.code).toBe(0);
    await expectJson(['show', run], { status: 'completed', output: { verdict: 'good' } });
    const late = await baton.run([...report, '--fail', 'too late']);
    expect(late.stderr).toContain('Nothing was changed.');
    expect(late.code).toBe(4);
  });

  test('fails one with a reason', async () => {
    const run = await baton.startHandedTask();
    const args = ['report', run, 'look', '--fail', 'nobody knows', '--key-file', anna];
    expect((await baton.run(args)).stdout).toContain('look: failed by anna');
    await expectJson(['show', run], {
      status: 'failed',
      steps: [{ error: { code: 'failed_by_person', message: 'nobody knows' } }],
    });
  });

  test('gives one back to the agents, who can claim it again', async () => {
    const run = await baton.startHandedTask();
    const args = ['report', run, 'look', '--return', '--note', 'you can', '--key-file', anna];
    expect((await baton.run(args)).stdout).toContain('look: returned by anna');
    const claimed = await baton.asAgent(async ({ baton: { application }, context }) =>
      valueOf(
        await application.claimTask(context, {
          agent_id: 'other',
          capabilities: ['review'],
          wait_seconds: 0,
        }),
      ),
    );
    expect(JSON.stringify(claimed.task)).toContain('you can');
    expect((await baton.run(args)).code).toBe(4);
  });

  test.each([['--complete', '{"verdict":"good"}'], ['--fail', 'no'], ['--return']])(
    'leaves %s to the person it was handed to',
    async (...answer) => {
      const run = await baton.startHandedTask('bert');
      const mine = await baton.run(['report', run, 'look', '--key-file', anna, ...answer]);
      expect(mine.stderr).toContain('was handed to "bert", not to "anna"');
      expect(mine.code).toBe(4);
      const his = await baton.run(['report', run, 'look', '--key-file', bert, ...answer]);
      expect(his.code).toBe(0);
    },
  );

  test.each([
    ['nothing to say', []],
    ['two things to say', ['--return', '--fail', 'no']],
    ['a note beside a result', ['--complete', 'null', '--note', 'x']],
    ['an output that is no JSON', ['--complete', 'good']],
    ['an output with a prototype key', ['--complete', '{"__proto__":{}}']],
    ['an output of a megabyte', ['--complete', '@large.json']],
    ['a note that is too long', ['--return', '--note', 'x'.repeat(4_001)]],
  ])('refuses %s', async (_, answer) => {
    baton.write('large.json', JSON.stringify('x'.repeat(1_048_577)));
    const { stderr, code } = await baton.run(['report', 'zzzz', 'look', ...answer]);
    expect(stderr).toContain('Nothing was changed.');
    expect(code).toBe(2);
  });

  test('knows the step, and whether people have it', async () => {
    const run = await baton.startRun('task.yaml');
    const report = (step: string) =>
      baton.run(['report', run, step, '--return', '--key-file', anna]);
    expect((await report('lok')).code).toBe(3);
    const early = await report('look');
    expect(early.stderr).toContain('no task of a person');
    expect(early.code).toBe(4);
  });
});
