import { describe, expect, it } from 'vitest';
import { RELEASE, TIMED } from '../application/definitions.ts';
import { createWorkbench } from '../application/workbench.ts';
import { connect, textOf } from './connect.ts';

describe('errors that a model can act on', () => {
  it.each([
    'get_workflow',
    'await_workflow',
    'explain_workflow',
    'cancel_workflow',
    'pause_workflow',
    'resume_workflow',
    'get_workflow_history',
  ])('%s says that a run is unknown, that nothing changed and what to call', async (name) => {
    const session = await connect();
    const result = await session.call(name, { run_id: 'nope' });
    expect(result.isError).toBe(true);
    expect(result.structuredContent).toBeUndefined();
    expect(textOf(result).split('\n')).toEqual([
      'error unknown_run: There is no run "nope".',
      'Nothing was changed.',
      'next: list_workflows shows the runs and their ids; start_workflow starts one.',
    ]);
  });

  it('refuses a misspelt optional argument, without which the call would mean another', async () => {
    const session = await connect();
    await session.bench.register(RELEASE);
    const misspelt = { workflow: 'release', inputs: { env: 'x' } };
    const refused = await session.call('start_workflow', misspelt);
    expect(textOf(refused)).toContain(
      'inputs: is no argument of this tool (did you mean "input"?)',
    );
    expect(textOf(refused)).toContain('Nothing was changed.');
  });

  it('names a missing argument, and the misspelt one that was sent', async () => {
    const session = await connect();
    const text = textOf(await session.call('get_workflow', { runid: 'x' }));
    expect(text).toContain('run_id: is required (you sent "runid")');
    expect(text).toContain('Arguments: run_id, step?, offset?');
  });

  it('names the values that are allowed', async () => {
    const session = await connect();
    const text = textOf(await session.call('list_workflows', { status: 'done' }));
    expect(text).toContain('status: ');
    for (const status of ['running', 'paused', 'completed', 'failed', 'cancelled'])
      expect(text).toContain(status);
    const long = await session.call('await_workflow', { run_id: 'x', wait_seconds: 600 });
    expect(textOf(long)).toMatch(/wait_seconds: .*25/);
  });

  it('drops arguments that clients add, and blanks in place of what is left out', async () => {
    const session = await connect();
    await session.bench.register(TIMED);
    const added = { workflow: 'timed', wait_for_previous: true, idempotency_key: '', input: null };
    const started = await session.call('start_workflow', added);
    expect(started.isError).toBeFalsy();
    const listed = await session.call('list_workflows', { status: '', cursor: '', extra: 1 });
    expect(listed.isError).toBeFalsy();
  });

  it('keeps what a defect says out of the answer and in the log', async () => {
    const bench = createWorkbench();
    const application = {
      ...bench.application,
      getWorkflow: async () => {
        throw new Error('the password is hunter2');
      },
    };
    const session = await connect({ bench, application });
    const result = await session.call('get_workflow', { run_id: 'x' });
    const text = textOf(result);
    expect(result.isError).toBe(true);
    expect(text).not.toContain('hunter2');
    const reference = /under "(\w+)"/.exec(text)?.[1] ?? 'none';
    expect(session.logged.find((line) => line.includes(reference))).toContain('hunter2');
  });

  it('says that the store is away, and whether anything may have changed', async () => {
    const session = await connect();
    await session.bench.register(TIMED);
    session.bench.faults.fate = () => 'fail';
    const read = textOf(await session.call('list_workflows'));
    expect(read).toContain('error store_unavailable');
    expect(read).toContain('Nothing was changed.');
    const unsent = textOf(await session.call('start_workflow', { workflow: 'timed' }));
    expect(unsent).toContain('Nothing was changed.');
    session.bench.faults.fate = (operation) => {
      if (operation === 'commit') return 'lose-reply';
      return operation === 'load' || operation === 'findCommand' ? 'fail' : 'proceed';
    };
    const sent = session.call('start_workflow', { workflow: 'timed' });
    // Time moves only by hand here: it is tried again until its caller has waited long enough.
    for (let tries = 0; tries < 20; tries += 1) await session.bench.outlast(100);
    expect(textOf(await sent)).toContain('Whether anything was changed is not known.');
  });

  it('keeps a definition of a thousand mistakes within the size that clients show', async () => {
    const session = await connect();
    const steps = Array.from(
      { length: 1_000 },
      (_, at) => `  - { id: s${at}, uses: shel, needs: [${'x'.repeat(60)}${at}] }`,
    );
    const definition = ['name: wrong', 'steps:', ...steps].join('\n');
    const result = await session.call('register_workflow', { definition });
    expect(JSON.stringify(result).length).toBeLessThan(8_000);
    expect(textOf(result)).toContain('more than 100 mistakes');
    expect(textOf(result)).toMatch(/- and \d+ more/);
    expect(textOf(result)).toContain('Nothing was changed.');
  });

  it('refuses a tool that does not exist with the nearest name', async () => {
    const session = await connect();
    await expect(session.call('start_workflw')).rejects.toThrow('Did you mean "start_workflow"?');
  });
});

describe('toolsets and read-only', () => {
  const names = async (options: Parameters<typeof connect>[0]) => {
    const { client } = await connect(options);
    return (await client.listTools()).tools.map(({ name }) => name);
  };

  it('shows the core profile by default, always in the same order', async () => {
    const core = [
      'start_workflow',
      'get_workflow',
      'list_workflows',
      'await_workflow',
      'explain_workflow',
      'signal_workflow',
      'cancel_workflow',
      'list_catalog',
      'checkpoint',
      'claim_task',
      'report_task',
    ];
    expect(await names({ toolsets: 'core' })).toEqual(core);
    expect(await names({ toolsets: 'core' })).toEqual(core);
  });

  it('shows all tools on one page, or the default profile and the toolsets that were named', async () => {
    const { client } = await connect();
    const page = await client.listTools();
    expect(page.tools).toHaveLength(19);
    expect(page.nextCursor).toBeUndefined();
    const core = await names({ toolsets: 'core' });
    const added = await names({ toolsets: ['definitions', 'operations'] });
    expect(added.filter((name) => !core.includes(name))).toEqual([
      'register_workflow',
      'get_health',
    ]);
    expect(core.filter((name) => !added.includes(name))).toEqual([]);
  });

  it('hides and refuses every writing tool when read-only, and changes nothing', async () => {
    const session = await connect({ readOnly: true });
    const { tools } = await session.client.listTools();
    expect(tools.every(({ annotations }) => annotations?.readOnlyHint === true)).toBe(true);
    await session.bench.register(RELEASE);
    const run_id = await session.bench.start('release');
    const before = await session.bench.events(run_id);
    const attempts = [
      session.call('start_workflow', { workflow: 'release' }),
      session.call('cancel_workflow', { run_id }),
      session.call('signal_workflow', { run_id, name: 'approve' }),
      session.call('pause_workflow', { run_id }),
      session.call('resume_workflow', { run_id }),
      session.call('register_workflow', { definition: TIMED }),
    ];
    for (const result of await Promise.all(attempts)) {
      expect(result.isError).toBe(true);
      expect(textOf(result)).toContain('read-only');
    }
    expect(await session.bench.events(run_id)).toEqual(before);
    expect(await session.bench.store.findByName('default', 'timed')).toBeUndefined();
  });

  it('says how to get a tool that is hidden', async () => {
    const session = await connect({ toolsets: 'core' });
    const text = textOf(await session.call('get_health'));
    expect(text).toContain('--toolsets operations');
  });
});
