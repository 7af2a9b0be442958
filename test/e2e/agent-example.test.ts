import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BatonFixture } from '../cli/run-baton.ts';

const EXAMPLE = join(import.meta.dirname, '../../examples/agent');

describe('the example of an agent that is a program', () => {
  const baton = new BatonFixture();
  beforeAll(() => cpSync(EXAMPLE, baton.cwd, { recursive: true }));
  afterAll(() => baton.dispose());

  test('does what its README says: it is given work, and a person is asked', async () => {
    // In its own folder, where "baton-mcp/agent" is this package as built.
    const agent = baton.startScript(join(EXAMPLE, 'todo-reviewer.ts'));
    await agent.stdoutMatching(/waiting for tasks/);
    baton.write('a.txt', 'one\n// TODO: two\n');
    const input = '{"files":["a.txt"]}';
    const watched = baton.start(['run', 'review.yaml', '--watch', '--input', input]);
    const [, approval = ''] = await watched.stdoutMatching(/(baton approve \S+ accept)/);
    const [, , run = ''] = approval.split(' ');
    const key = (await baton.run(['keys', 'create', 'anna'])).stdout;
    const [secret = ''] = /bok_\S+/.exec(key) ?? [];
    const answered = await baton.run(['approve', run], { BATON_OPERATOR_KEY: secret });
    expect(answered.stderr).toBe('');
    expect((await watched.ended).code).toBe(0);
    const { value } = await baton.json(['show', run]);
    const findings = [{ file: 'a.txt', line: 2, text: '// TODO: two' }];
    expect(value).toMatchObject({ status: 'completed', output: { findings } });
    agent.child.kill('SIGTERM');
    expect((await agent.ended).code).toBe(0);
  });

  test('gives back what it holds when it is stopped', async () => {
    const agent = baton.startScript(join(EXAMPLE, 'todo-reviewer.ts'));
    await agent.stdoutMatching(/waiting for tasks/);
    agent.child.kill('SIGINT');
    expect(await agent.ended).toMatchObject({ code: 0, stderr: '' });
  });
});
