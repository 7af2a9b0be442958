import { describe, expect, it } from 'vitest';
import { GREET, PAYMENT, RELEASE, TIMED } from '../application/definitions.ts';
import { connect, fieldOf, textOf, unbarred, type Session } from './connect.ts';

async function statusInStore({ bench }: Session, runId: string): Promise<string | undefined> {
  const { runs } = await bench.store.listRuns({ tenant: 'default', limit: 50 });
  return runs.find(({ key }) => key.runId === runId)?.status;
}

describe('every tool, through the official client', () => {
  it('start_workflow starts a run that is in the store', async () => {
    const session = await connect();
    await session.bench.register(TIMED);
    const result = await session.call('start_workflow', { workflow: 'timed' });
    const runId = String(fieldOf(result, 'run_id'));
    expect(result.isError).toBeFalsy();
    expect(await statusInStore(session, runId)).toBe('running');
    expect(textOf(result)).toContain(`await_workflow {"run_id":"${runId}"}`);
    const [started] = await session.bench.store.readHistory({ tenant: 'default', runId }, 1, 1);
    expect(JSON.parse(started ?? '')).toMatchObject({ actor: 'client:test client' });
  });

  it('start_workflow takes its input as an object or as JSON text, and a number as text', async () => {
    const session = await connect();
    await session.bench.register(GREET);
    for (const input of [{ who: 'you' }, '{"who":"you"}']) {
      const args = { workflow: 'greet', input, wait_seconds: '1' };
      const result = await session.call('start_workflow', args);
      expect(textOf(result)).toContain('output: {"text":"hello you"}');
    }
    const wrong = await session.call('start_workflow', { workflow: 'greet', input: '[1]' });
    expect(textOf(wrong)).toContain('input: must be a JSON object');
  });

  it('start_workflow answers a repeated key as a duplicate', async () => {
    const session = await connect();
    await session.bench.register(TIMED);
    const args = { workflow: 'timed', idempotency_key: 'k' };
    const first = await session.call('start_workflow', args);
    const again = await session.call('start_workflow', args);
    expect(fieldOf(again, 'run_id')).toBe(fieldOf(first, 'run_id'));
    expect(again.structuredContent).toMatchObject({ duplicate: true });
    expect(textOf(again)).toContain('nothing was started now');
  });

  it('get_workflow tells the steps, the attention and the next call', async () => {
    const session = await connect();
    await session.bench.register(RELEASE);
    const run_id = await session.bench.start('release');
    const text = textOf(await session.call('get_workflow', { run_id }));
    expect(text).toContain(`run ${run_id} of release@1: running, 0 of 3 steps completed`);
    expect(text).toContain('build shell no_worker');
    expect(text).toContain('shell.allow');
    expect(text).toContain('await_workflow');
  });

  it('get_workflow pages through a long output without losing a character', async () => {
    const session = await connect();
    await session.bench.register(PAYMENT);
    const run_id = await session.bench.start('payment');
    const output = Array.from({ length: 3_000 }, (_, at) => `line ${at} "quoted"\n`).join('');
    await session.bench.complete(await session.bench.claim('shell:pay'), output);
    let seen = '';
    let offset: number | undefined = 0;
    while (offset !== undefined) {
      const text = textOf(await session.call('get_workflow', { run_id, step: 'pay', offset }));
      const [, body = ''] = text.split(/output, characters [^\n]*\n/);
      const more = /\nmore: get_workflow .*"offset":(\d+)}$/.exec(body);
      seen += unbarred(more ? body.slice(0, more.index) : body);
      offset = more ? Number(more[1]) : undefined;
    }
    expect(seen).toBe(output);
  });

  it('list_workflows lists a run, filtered, and says how to go on', async () => {
    const session = await connect();
    await session.bench.register(TIMED);
    const run_id = await session.bench.start('timed');
    await session.bench.clock.advance(1_000);
    await session.bench.start('timed');
    const page = textOf(await session.call('list_workflows', { limit: 1 }));
    const cursor = /"cursor":"([^"]+)"/.exec(page)?.[1];
    expect(textOf(await session.call('list_workflows', { limit: 1, cursor }))).toContain(run_id);
    const none = textOf(await session.call('list_workflows', { status: 'failed' }));
    expect(none).toContain('no runs match');
  });

  it('await_workflow returns when the run ends, and its cursors differ', async () => {
    const session = await connect();
    await session.bench.register(GREET);
    const run_id = await session.bench.start('greet', { who: 'x' });
    const first = await session.call('await_workflow', { run_id });
    const second = await session.call('await_workflow', { run_id });
    expect(first.structuredContent).toMatchObject({ finished: true, status: 'completed' });
    expect(fieldOf(first, 'next_cursor')).not.toBe(fieldOf(second, 'next_cursor'));
    expect(textOf(first)).toContain('hello completed');
    expect(textOf(first)).toContain('finished: true');
  });

  it('explain_workflow ends with what to call next', async () => {
    const session = await connect();
    await session.bench.register(RELEASE);
    const run_id = await session.bench.start('release');
    const text = textOf(await session.call('explain_workflow', { run_id }));
    expect(text).toContain('[no_worker]');
    expect(text.split('\n').slice(-2)).toEqual([
      'next:',
      `- await_workflow {"run_id":"${run_id}"}`,
    ]);
  });

  it('signal_workflow records the signal, its payload given as text or as an object', async () => {
    const session = await connect();
    await session.bench.register(RELEASE);
    for (const payload of [{ by: 'ann' }, '{"by":"ann"}']) {
      const run_id = await session.bench.start('release');
      await session.bench.complete(await session.bench.claim('shell:make'), 'ok');
      const result = await session.call('signal_workflow', { run_id, name: 'approve', payload });
      expect(textOf(result)).toContain('step "gate" took it');
      expect(await statusInStore(session, run_id)).toBe('completed');
      expect(await session.bench.events(run_id)).toContainEqual({
        type: 'SignalReceived',
        name: 'approve',
        payload: { by: 'ann' },
      });
    }
  });

  it('pause_workflow, resume_workflow and cancel_workflow change the run in the store', async () => {
    const session = await connect();
    await session.bench.register(TIMED);
    const run_id = await session.bench.start('timed');
    await session.call('pause_workflow', { run_id, reason: 'lunch' });
    expect(await statusInStore(session, run_id)).toBe('paused');
    expect(await session.bench.events(run_id)).toContainEqual({
      type: 'WorkflowPaused',
      reason: 'lunch',
    });
    await session.call('resume_workflow', { run_id });
    expect(await statusInStore(session, run_id)).toBe('running');
    await session.call('cancel_workflow', { run_id });
    expect(await statusInStore(session, run_id)).toBe('cancelled');
  });

  it('get_workflow_history tells the same in lines and in structure', async () => {
    const session = await connect();
    await session.bench.register(GREET);
    const run_id = await session.bench.start('greet', { who: 'x' });
    const result = await session.call('get_workflow_history', { run_id, limit: 2 });
    expect(result.structuredContent).toMatchObject({
      total: 3,
      next_from: 3,
      events: [{ type: 'WorkflowStarted' }, { type: 'StepCompleted' }],
    });
    expect(textOf(result)).toContain(`more: get_workflow_history {"run_id":"${run_id}","from":3}`);
  });

  it('register_workflow registers; with dry_run it does not', async () => {
    const session = await connect();
    const dry = await session.call('register_workflow', { definition: RELEASE, dry_run: 'true' });
    expect(textOf(dry)).toContain('nothing was registered (dry run)');
    expect(textOf(dry)).toContain('flowchart TD');
    expect(await session.bench.store.findByName('default', 'release')).toBeUndefined();
    const result = await session.call('register_workflow', { definition: RELEASE });
    expect(result.structuredContent).toMatchObject({ name: 'release', version: 1, created: true });
    const stored = await session.bench.store.findByName('default', 'release');
    expect(stored?.hash).toBe(fieldOf(result, 'hash'));
  });

  it('register_workflow lists every mistake with place and suggestion', async () => {
    const session = await connect();
    const definition = RELEASE.replace('needs: [build]', 'needs: [biuld]').replace(
      'uses: transform',
      'uses: transfrm',
    );
    const result = await session.call('register_workflow', { definition });
    expect(result.isError).toBe(true);
    expect(textOf(result)).toMatch(/steps\[1\]\.needs\[0\]: .*\(did you mean "build"\?\)/);
    expect(textOf(result)).toMatch(/steps\[2\]\.uses/);
    expect(textOf(result)).toContain('Nothing was changed.');
  });

  it('list_catalog shows workflows, step kinds and workers, and one of them in detail', async () => {
    const session = await connect();
    await session.bench.register(GREET);
    await session.bench.announce('shell:make');
    const text = textOf(await session.call('list_catalog'));
    expect(text).toContain('- greet@1: Says hello');
    expect(text).toContain('- shell:');
    expect(text).toContain('worker-1: 0 of 2 busy, serves shell:make');
    const detail = textOf(await session.call('list_catalog', { name: 'greet' }));
    expect(detail).toContain('"required":["who"]');
    expect(textOf(await session.call('list_catalog', { name: 'wait' }))).toContain('"until"');
  });

  it('list_catalog says so where there are none of a kind', async () => {
    const session = await connect();
    for (const kind of ['agents', 'checkpoints'])
      expect(textOf(await session.call('list_catalog', { kind }))).toBe(`${kind}: none`);
  });

  it('get_health tells what is degraded', async () => {
    const session = await connect();
    const result = await session.call('get_health');
    expect(result.structuredContent).toMatchObject({ status: 'degraded' });
    expect(textOf(result)).toContain('no worker is alive');
    expect(textOf(result)).toContain('store: memory');
  });
});
