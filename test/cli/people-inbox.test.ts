import { describe, expect, test } from 'vitest';
import { valueOf } from '../application/workbench.ts';
import { PeopleFixture } from './people-fixture.ts';

describe('inbox', () => {
  test('says when nothing waits', async () => {
    const empty = new PeopleFixture();
    expect((await empty.run(['inbox'])).stdout).toBe('Nothing waits for people.\n');
    expect((await empty.run(['inbox', '--as', 'anna'])).stdout).toBe('Nothing waits for anna.\n');
    expect((await empty.json(['inbox'])).value).toEqual({ runs: [], unreadable: [] });
    empty.dispose();
  });

  test('lists approvals and tasks with the commands that answer them, and whose they are', async () => {
    const own = new PeopleFixture();
    const where = await own.startRun('where.yaml');
    const task = await own.startHandedTask('carl');
    const { stdout, code } = await own.run(['inbox']);
    expect(stdout).toMatch(/^run +workflow +id +kind +what +choices +who +since +expires$/m);
    expect(stdout).toMatch(
      new RegExp(`^${where} +where +ok +approval +Deploy where\\? .* anna, bert .* never$`, 'm'),
    );
    expect(stdout).toMatch(new RegExp(`^${task} +task +look +task +I cannot tell\\..* carl `, 'm'));
    expect(stdout).toContain(`\nbaton approve ${where} ok --choice 'the real thing'\n`);
    expect(stdout).toContain(`\nbaton reject ${where} ok\n`);
    expect(stdout).toContain(`\nbaton report ${task} look --complete JSON\n`);
    expect(code).toBe(0);

    const carl = await own.run(['inbox', '--as', 'carl']);
    expect(carl.stdout).toContain(task);
    expect(carl.stdout).not.toContain(where);
    const key = (await own.run(['keys', 'create', 'anna'])).stdout.trim();
    const mine = await own.run(['inbox', '--mine', '--json'], { BATON_OPERATOR_KEY: key });
    expect(JSON.parse(mine.stdout)).toMatchObject({ person: 'anna', runs: [{ run_id: where }] });
    expect((await own.run(['inbox', '--mine', '--as', 'anna'])).code).toBe(2);
    own.dispose();
  });

  test('is read to its end, page after page', async () => {
    const own = new PeopleFixture();
    await own.asAgent(async ({ baton: { application }, context }) => {
      const definition = `name: many\nsteps:\n  - { id: ok, uses: approval, with: { question: Go? } }\n`;
      valueOf(await application.registerWorkflow(context, { definition }));
      for (let started = 0; started < 51; started += 1)
        valueOf(await application.startWorkflow(context, { workflow: 'many' }));
    });
    const { stdout } = await own.run(['inbox']);
    expect(stdout.match(/^baton approve /gm)).toHaveLength(51);
    own.dispose();
  });

  test('shows no control characters of what agents wrote', async () => {
    const own = new PeopleFixture();
    const run = await own.startRun('gate.yaml');
    await own.asAgent(async ({ baton: { application }, context }) => {
      const question = 'Fine?\u001b[2J\u202e\u0007\nbaton approve it';
      valueOf(
        await application.requestApproval(context, { run_id: run, question, wait_seconds: 0 }),
      );
    });
    const { stdout } = await own.run(['inbox']);
    expect(stdout).toContain(String.raw`Fine?\u{1b}[2J\u{202e}\u{7} baton approve it`);
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    own.dispose();
  });
});

test('agents lists who there is', async () => {
  const own = new PeopleFixture();
  expect((await own.run(['agents'])).stdout).toBe('No agent has been seen in the last 30 days.\n');
  await own.asAgent(async ({ baton: { application }, context }) => {
    const agent = { agent_id: 'robot', capabilities: ['review', 'tests'] };
    valueOf(await application.registerAgent(context, agent));
  });
  const { stdout } = await own.run(['agents']);
  expect(stdout).toMatch(/^agent +capabilities +status +last seen +client$/m);
  expect(stdout).toMatch(/^robot +review, tests +present +\S+Z +client:robot$/m);
  expect((await own.json(['agents'])).value).toMatchObject({
    agents: [{ agent_id: 'robot', status: 'present' }],
  });
  own.dispose();
});
