import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BatonFixture } from './run-baton.ts';

const GREET = `
name: greet
description: says hello
input: { type: object, properties: { who: { type: string, default: world } }, additionalProperties: false }
steps:
  - id: hello
    uses: shell
    with: { command: [sh, -c, 'echo "hi $0"', "\${{ input.who }}"] }
  - id: said
    needs: [hello]
    uses: transform
    with: { text: "\${{ steps.hello.output.stdout }}" }
output: "\${{ steps.said.output.text }}"
`;
const GATE = 'name: gate\nsteps:\n  - { id: go, uses: signal, with: { name: go } }\n';
const FAILS =
  'name: fails\nsteps:\n  - { id: no, uses: fail, with: { message: broken, code: on_purpose } }\n';

const baton = new BatonFixture();
beforeAll(() => {
  baton.write('greet.yaml', GREET);
  baton.write('gate.yaml', GATE);
  baton.write('fails.yaml', FAILS);
});
afterAll(() => baton.dispose());

const RUN_ID = /^[a-z0-9]{26,}$/;

async function startGate(): Promise<string> {
  const { stdout, code } = await baton.run(['run', 'gate.yaml']);
  expect(code).toBe(0);
  const id = stdout.trim();
  expect(id).toMatch(RUN_ID);
  return id;
}

/** `toMatchObject` on something of unknown shape. */
async function expectJson(args: readonly string[], shape: object, exitCode = 0): Promise<void> {
  const { value, code } = await baton.json(args);
  expect(value).toMatchObject(shape);
  expect(code).toBe(exitCode);
}

describe('run', () => {
  test('--watch registers a file, runs its steps here, tells every event and ends with 0', async () => {
    const { stdout, stderr, code } = await baton.run(['run', 'greet.yaml', '--watch']);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^run [a-z0-9]{26,}\n/);
    expect(stdout).toMatch(/1 {2}\S+Z {2}started greet@1 \(cli\)/);
    expect(stdout).toContain('completed: 2 of 2 steps completed');
    expect(stdout).toContain('output: "hi world\\n"');
    expect(stdout).not.toContain('Needs somebody');
    expect(code).toBe(0);
  });

  test('--watch --json prints JSON lines only, the run last', async () => {
    const input = baton.write('input.yaml', 'who: file\n');
    const args = ['run', 'greet.yaml', '--watch', '--json', '--input', `@${input}`];
    const { stdout, code } = await baton.run([...args, '--input', 'who=you']);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(lines[0]).toMatchObject({ event: { sequence: 1, type: 'WorkflowStarted' } });
    expect(lines.at(-1)).toMatchObject({ run: { status: 'completed', output: 'hi you\n' } });
    expect(code).toBe(0);
  });

  test("--priority is the run's, and another word is refused before anything starts", async () => {
    const started = await baton.run(['run', 'gate.yaml', '--priority', 'high']);
    expect(started.code).toBe(0);
    const { stdout } = await baton.run(['history', started.stdout.trim()]);
    expect(stdout).toMatch(/started gate@\d+, priority high/);
    const refused = await baton.run(['run', 'gate.yaml', '--priority', 'urgent']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('high, normal, low');
    expect(refused.stdout).toBe('');
  });

  test('--watch ends with 6 when the run fails', async () => {
    const { stdout, code } = await baton.run(['run', 'fails.yaml', '--watch']);
    expect(stdout).toContain('on_purpose: broken');
    expect(code).toBe(6);
  });

  test('without --watch prints the id alone and says beside it that no worker is there', async () => {
    await baton.run(['register', 'greet.yaml']);
    const { stdout, stderr, code } = await baton.run(['run', 'greet']);
    expect(stdout.trim()).toMatch(RUN_ID);
    expect(stderr).toContain('[no_worker]');
    expect(code).toBe(0);
  });

  test('the same idempotency key starts the same run once', async () => {
    const args = ['run', 'gate.yaml', '--idempotency-key', 'k1', '--json'];
    const first: unknown = JSON.parse((await baton.run(args)).stdout);
    const again: unknown = JSON.parse((await baton.run(args)).stdout);
    const { run_id } = first as { run_id: string };
    expect(again).toMatchObject({ run_id, duplicate: true });
    expect(first).not.toHaveProperty('duplicate');
  });
});

describe('a run that waits', () => {
  test('is listed, shown, explained and told', async () => {
    const id = await startGate();
    await expectJson(['list', '--workflow', 'gate', '--limit', '1'], { runs: [{ run_id: id }] });
    const list = await baton.run(['list']);
    expect(list.stdout).toMatch(new RegExp(`^run +workflow +status.*\\n${id} +gate +running `));

    await expectJson(['show', id], { run_id: id, steps: [{ id: 'go', status: 'waiting' }] });
    const show = await baton.run(['show', id.slice(0, 12)]);
    expect(show.stdout).toContain(`${id} gate@1 running: 0 of 1 steps completed`);
    expect(show.stdout).toContain(`baton signal ${id} go`);

    await expectJson(['explain', id], { reasons: [{ kind: 'waiting_for_signal', step: 'go' }] });
    const explain = await baton.run(['explain', id]);
    expect(explain.stdout).toContain('go [waiting_for_signal] waits for the signal "go"');

    const history = await baton.run(['history', id]);
    expect(history.stdout).toMatch(
      / 1 {2}\S+Z {2}started gate@1 \(cli\)\n +2 .*go waits for signal/,
    );
    const second = await baton.run(['history', id, '--json', '--from', '2', '--limit', '1']);
    expect(JSON.parse(second.stdout)).toMatchObject({ sequence: 2, type: 'StepWaiting' });
    expect([list.code, show.code, explain.code, history.code]).toEqual([0, 0, 0, 0]);
  });

  test('goes on by a signal, whose payload becomes the output of the step', async () => {
    const id = await startGate();
    const watch = baton.start(['watch', id]);
    await watch.stdoutMatching(/waits for signal "go"/);
    const sent = await baton.run(['signal', id, 'go', '--payload', '{"ok":true}']);
    expect(sent.stdout).toContain('go: step "go" took it');
    expect(sent.code).toBe(0);
    const { stdout, code } = await watch.ended;
    expect(stdout).toContain('completed: 1 of 1 steps completed');
    expect(code).toBe(0);
    await expectJson(['show', id, '--step', 'go'], { id: 'go', output: { ok: true } });
  });

  test('is paused, resumed and cancelled; watching it then ends with 7', async () => {
    const id = await startGate();
    await expectJson(['pause', id, '--reason', 'lunch'], { status: 'paused', changed: true });
    const again = await baton.run(['pause', id]);
    expect(again.stdout).toContain('Nothing had to be changed.');
    const resumed = await baton.run(['resume', id]);
    expect(resumed.stdout).toContain('gate@1 running');
    await expectJson(['cancel', id], { status: 'cancelled', changed: true });
    const watch = await baton.run(['watch', id]);
    expect(watch.stdout).toContain('gate@1 cancelled');
    expect(watch.code).toBe(7);
    expect((await baton.run(['cancel', id])).code).toBe(4);
  });

  test('is cancelled to its end although its step waits for a worker and no process is there', async () => {
    const { stdout } = await baton.run(['run', 'greet.yaml']);
    await expectJson(['cancel', stdout.trim()], { status: 'cancelled', changed: true });
  });

  test('watching it can be interrupted and changes nothing', async () => {
    const id = await startGate();
    const watch = baton.start(['watch', id]);
    await watch.stdoutMatching(/waits for signal/);
    watch.child.kill('SIGINT');
    const { code, stderr } = await watch.ended;
    expect(code).toBe(130);
    expect(stderr).toContain('the run was not changed');
    await expectJson(['show', id], { status: 'running' });
  });
});

describe('worker', () => {
  test('runs what others started, and ends with 0 on SIGTERM', async () => {
    const worker = baton.start(['worker', '--queues', 'shell:sh', '--concurrency', '2']);
    const [, workerId = ''] = await worker.stdoutMatching(/^worker (\S+) serves shell:sh of /);
    const { stdout } = await baton.run(['run', 'greet.yaml', '--input', '{"who":"them"}']);
    const watch = await baton.run(['watch', stdout.trim(), '--json']);
    expect(watch.stdout).toContain(`worker:${workerId}`);
    expect(watch.code).toBe(0);
    await expectJson(['doctor'], { problems: 0 });
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toMatchObject({ code: 0, stderr: '' });
  });

  test('says when it can run nothing, and refuses queues that it does not have', async () => {
    const idle = baton.start(['worker', '--json'], { BATON_SHELL_ALLOW: '' });
    const [text = ''] = await idle.stdoutMatching(/^\{.*\}\n/);
    expect(JSON.parse(text)).toMatchObject({ queues: [], store: baton.store });
    idle.child.kill('SIGTERM');
    expect((await idle.ended).stderr).toContain('shell.allow (BATON_SHELL_ALLOW)');
    const wrong = await baton.run(['worker', '--queues', 'shell:hs']);
    expect(wrong.stderr).toContain('did you mean "shell:sh"?');
    expect(wrong.code).toBe(2);
  });
});

test('register tells the plan; a dry run registers nothing; the same content keeps its version', async () => {
  baton.write(
    'fresh.yaml',
    'name: fresh\nsteps:\n  - { id: a, uses: transform, with: { x: 1 } }\n',
  );
  const dry = await baton.run(['register', 'fresh.yaml', '--dry-run']);
  expect(dry.stdout).toContain('fresh is valid; nothing was registered');
  expect(dry.stdout).toContain('flowchart TD');
  expect((await baton.run(['run', 'fresh'])).code).toBe(3);
  await expectJson(['register', 'fresh.yaml'], { name: 'fresh', version: 1, created: true });
  await expectJson(['register', 'fresh.yaml'], { name: 'fresh', version: 1, created: false });
  const list = await baton.run(['list', '--definitions']);
  expect(list.stdout).toMatch(/^workflow +version +description\n/);
  expect(list.stdout).toMatch(/^fresh +1$/m);
  await expectJson(['list', '--definitions'], { workflows: expect.anything() as object });
});

test('config tells values and where they came from', async () => {
  const { stdout, stderr, code } = await baton.run(['config'], { BATON_STOR: 'x' });
  expect(stdout).toMatch(/^store +"\S+baton.db" +environment BATON_STORE$/m);
  expect(stdout).toContain('Each source overrides those before it: defaults < ');
  expect(stderr).toContain('warning: environment BATON_STOR: ');
  expect(stderr).toContain('did you mean "BATON_STORE"?');
  expect(code).toBe(0);
  const other = `${baton.root}/other.db`;
  await expectJson(['config', '--store', other], {
    values: { store: { value: other, source: 'option --store' } },
    files: [],
  });
});

test('reindex rebuilds the list from the histories', async () => {
  const id = await startGate();
  const { DatabaseSync } = await import('node:sqlite');
  const db = new DatabaseSync(baton.store);
  db.prepare("UPDATE runs SET status = 'completed', name = 'lost' WHERE run_id = ?").run(id);
  db.close();
  await expectJson(['list', '--workflow', 'lost'], { runs: [{ run_id: id }] });
  const { stdout, code } = await baton.run(['reindex']);
  expect(stdout).toMatch(/^\d+ runs indexed\.\n$/);
  expect(code).toBe(0);
  await expectJson(['list', '--workflow', 'lost'], { runs: [] });
  await expectJson(['list', '--workflow', 'gate', '--limit', '1'], {
    runs: [{ run_id: id, status: 'running' }],
  });
  await expectJson(['reindex'], { unreadable: [] });
});
