import { userInfo } from 'node:os';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { PeopleFixture } from './people-fixture.ts';
import { AtTerminal, hasScript } from './run-at-terminal.ts';

const me = userInfo().username;
const baton = new PeopleFixture();
const open: AtTerminal[] = [];
afterEach(() => {
  for (const terminal of open.splice(0)) terminal.kill();
});
afterAll(() => baton.dispose());

function sit(
  args: readonly string[],
  environment: Record<string, string> = {},
  redirection = '',
): AtTerminal {
  const terminal = new AtTerminal(baton, args, environment, redirection);
  open.push(terminal);
  return terminal;
}

async function statusOf(run: string): Promise<unknown> {
  return (await baton.json(['show', run])).value;
}

// Other systems have no program that gives a process a terminal from a command line alike; the asking itself is tested
// with streams in desk.test.ts.
describe.skipIf(!hasScript)('at a terminal', () => {
  test('approve shows what it is about, asks, and records who sits there', async () => {
    const run = await baton.startRun('gate.yaml');
    const terminal = sit(['approve', run]);
    const shown = await terminal.sees('Type approve to give that answer');
    expect(shown).toContain(`Approval ok of run ${run} (gate)`);
    expect(shown).toContain('asked by the workflow at ');
    expect(shown).toContain('expires: never');
    expect(shown).toContain('  │ Deploy it?');
    expect(shown).toContain(`You answer as ${me}.`);
    expect(await statusOf(run)).toMatchObject({ status: 'running' });
    terminal.types('yes\n');
    await terminal.sees('That is none of them.');
    terminal.types('approve\n');
    const { code, output } = await terminal.end();
    expect(output).toContain(`ok: "approve" by ${me} (terminal)`);
    expect(code).toBe(0);
    expect(await statusOf(run)).toMatchObject({ output: { choice: 'approve', by: me } });
  });

  test.each([
    ['Enter alone', '\n', 4],
    ['the end of input', '\u0004', 4],
    ['three wrong words', 'a\nb\nc\n', 4],
    ['Ctrl-C', '\u0003', 130],
  ])('%s records nothing', async (_, typed, exitCode) => {
    const run = await baton.startRun('gate.yaml');
    const terminal = sit(['approve', run]);
    await terminal.sees('as it is: ');
    terminal.types(typed);
    const { code, output } = await terminal.end();
    if (exitCode === 4) expect(output).toMatch(/not confirmed\r\nNothing was changed\./);
    expect(code).toBe(exitCode);
    expect(await statusOf(run)).toMatchObject({
      status: 'running',
      approvals: [{ status: 'waiting' }],
    });
  });

  test('reject asks too', async () => {
    const run = await baton.startRun('gate.yaml');
    const terminal = sit(['reject', run, '--comment', 'no time', '--json']);
    await terminal.sees('Type reject to reject it');
    terminal.types('reject\n');
    const { code, output } = await terminal.end();
    expect(output).toContain('"approval_id":"ok"');
    expect(code).toBe(0);
    expect(await statusOf(run)).toMatchObject({
      status: 'failed',
      error: { message: expect.stringContaining(`rejected by ${me}: no time`) as string },
    });
  });

  test('who may not answer is told before being asked; a key says who it is, and is asked all the same', async () => {
    const run = await baton.startRun('where.yaml');
    const refused = await sit(['approve', run]).end();
    expect(refused.output).toContain(`"${me}" may not answer approval "ok"`);
    expect(refused.output).not.toContain('Type ');
    expect(refused.code).toBe(4);
    const key = (await baton.run(['keys', 'create', 'bert'])).stdout.trim();
    const terminal = sit(['approve', run], { BATON_OPERATOR_KEY: key });
    const shown = await terminal.sees('Type staging or the real thing to choose it');
    expect(shown).toContain('You answer as bert.');
    terminal.types('the real thing\n');
    expect((await terminal.end()).output).toContain('ok: "the real thing" by bert (operator_key)');
  });

  test('an answer that came while the question stood is told, and nothing is changed', async () => {
    const run = await baton.startRun('gate.yaml');
    const terminal = sit(['approve', run]);
    await terminal.sees('as it is: ');
    const anna = await baton.keyFile('anna');
    expect((await baton.run(['reject', run, '--key-file', anna])).code).toBe(0);
    terminal.types('approve\n');
    const { code, output } = await terminal.end();
    expect(output).toContain('rejected by anna');
    expect(output).toContain('othing was changed.');
    expect(code).toBe(4);
    expect(await statusOf(run)).toMatchObject({ status: 'failed' });
  });

  test('report shows the task and asks', async () => {
    const run = await baton.startHandedTask();
    const terminal = sit(['report', run, 'look', '--complete', '{"verdict":"good"}']);
    const shown = await terminal.sees('Type complete to complete it');
    expect(shown).toContain('handed to anyone by agent:robot');
    expect(shown).toContain('  │ Look at it.');
    expect(shown).toContain('  │ I cannot tell.');
    terminal.types('complete\n');
    const { code, output } = await terminal.end();
    expect(output).toContain(`look: completed by ${me} (terminal)`);
    expect(code).toBe(0);
  });

  test('a pipe on one side is no terminal', async () => {
    const run = await baton.startRun('gate.yaml');
    for (const redirection of ['</dev/null', '2>&1 | cat', '>out.txt', '2>err.txt; cat err.txt']) {
      const piped = sit(['approve', run], {}, redirection);
      piped.types('approve\n');
      expect((await piped.end()).output).toContain('only a person answers this');
    }
    expect(await statusOf(run)).toMatchObject({ status: 'running' });
  });
});
