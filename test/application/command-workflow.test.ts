import { describe, expect, it } from 'vitest';
import { GREET, PAYMENT, RELEASE, TIMED } from './definitions.ts';
import { createWorkbench, errorOf, valueOf } from './workbench.ts';

async function atGate() {
  const bench = createWorkbench();
  await bench.register(RELEASE);
  const run_id = await bench.start('release');
  await bench.complete(await bench.claim('shell:make'), 'ok');
  const signal = (args: object) =>
    bench.application.signalWorkflow(bench.context, { run_id, ...args });
  return { bench, run_id, signal };
}

async function atUnknownOutcome() {
  const bench = createWorkbench();
  await bench.register(PAYMENT);
  const run_id = await bench.start('payment');
  const attempt = { step: 'pay', attempt: 1 };
  await bench.report(await bench.claim('shell:pay'), {
    type: 'ReportUnknownOutcome',
    ...attempt,
    reason: 'it died',
  });
  const resolve = (args: object) =>
    bench.application.signalWorkflow(bench.context, { run_id, step_id: 'pay', ...args });
  return { bench, run_id, resolve };
}

describe('signal_workflow', () => {
  it('wakes the step that waits, with the payload as its output', async () => {
    const { bench, run_id, signal } = await atGate();
    const sent = valueOf(await signal({ name: 'approve', payload: { by: 'ann' } }));
    expect(sent).toMatchObject({ status: 'completed', changed: true, output: { by: 'ann' } });
    expect(sent.effect).toBe('step "gate" took it');
    expect(await bench.events(run_id)).toContainEqual({
      type: 'SignalReceived',
      name: 'approve',
      payload: { by: 'ann' },
    });
  });

  it('keeps a signal that no step waits for, and doubts a name that the workflow does not know', async () => {
    const { bench, run_id, signal } = await atGate();
    const sent = valueOf(await signal({ name: 'aprove' }));
    expect(sent.effect).toContain('did you mean "approve"?');
    const events = await bench.events(run_id);
    expect(events.at(-1)).toMatchObject({ type: 'SignalReceived', name: 'aprove' });
  });

  it('takes a repetition under one key once', async () => {
    const { bench, run_id, signal } = await atGate();
    const args = { name: 'other', idempotency_key: 'k' };
    expect(valueOf(await signal(args)).changed).toBe(true);
    expect(valueOf(await signal(args))).toMatchObject({ changed: false, duplicate: true });
    const received = (await bench.events(run_id)).filter(({ type }) => type === 'SignalReceived');
    expect(received).toHaveLength(1);
  });

  it('refuses the same key for another signal', async () => {
    const { signal } = await atGate();
    valueOf(await signal({ name: 'a', idempotency_key: 'k' }));
    const error = errorOf(await signal({ name: 'b', idempotency_key: 'k' }));
    expect(error).toMatchObject({ code: 'idempotency_key_reused', changed: 'nothing' });
  });

  it('refuses a finished run, a missing name, and half a decision', async () => {
    const { bench, signal, run_id } = await atGate();
    expect(errorOf(await signal({})).code).toBe('invalid_arguments');
    expect(errorOf(await signal({ step_id: 'gate' })).code).toBe('invalid_arguments');
    const both = { name: 'x', step_id: 'gate', resolution: 'retry' };
    expect(errorOf(await signal(both)).message).toContain('not both');
    valueOf(await bench.application.cancelWorkflow(bench.context, { run_id }));
    expect(errorOf(await signal({ name: 'approve' }))).toMatchObject({
      code: 'already_finished',
      changed: 'nothing',
    });
  });

  it('refuses a payload that is too large', async () => {
    const { signal } = await atGate();
    const error = errorOf(await signal({ name: 'approve', payload: 'x'.repeat(1_100_000) }));
    expect(error).toMatchObject({ code: 'invalid_arguments', changed: 'nothing' });
  });

  it('decides an unknown outcome: completed with an output, failed with a reason, or run again', async () => {
    const completed = await atUnknownOutcome();
    const done = await completed.resolve({ resolution: 'completed', payload: { id: 7 } });
    expect(valueOf(done).status).toBe('completed');
    const { run_id } = completed;
    const get = { run_id, step: 'pay' };
    const view = await completed.bench.application.getWorkflow(completed.bench.context, get);
    expect(valueOf(view).step?.output).toEqual({ id: 7 });

    const failed = await atUnknownOutcome();
    const lost = await failed.resolve({ resolution: 'failed', reason: 'not found at the bank' });
    expect(valueOf(lost)).toMatchObject({ status: 'failed' });
    expect(valueOf(lost).error?.message).toContain('not found at the bank');

    const again = await atUnknownOutcome();
    expect(valueOf(await again.resolve({ resolution: 'retry' })).status).toBe('running');
    expect((await again.bench.claim('shell:pay')).attempt).toBe(2);
  });

  it('refuses a decision on a step that needs none', async () => {
    const { signal } = await atGate();
    const error = errorOf(await signal({ step_id: 'build', resolution: 'retry' }));
    expect(error).toMatchObject({ code: 'step_not_waiting_for_decision', changed: 'nothing' });
  });
});

describe('cancel, pause and resume', () => {
  it('cancels a run that runs nothing at once, with the reason in its history', async () => {
    const { bench, run_id } = await atGate();
    const args = { run_id, reason: 'changed my mind' };
    const sent = valueOf(await bench.application.cancelWorkflow(bench.context, args));
    expect(sent).toMatchObject({ status: 'cancelled', changed: true });
    expect(await bench.events(run_id)).toContainEqual({
      type: 'CancellationRequested',
      reason: 'changed my mind',
    });
  });

  it('asks a running step to stop, and says so until it has', async () => {
    const bench = createWorkbench();
    await bench.register(RELEASE);
    const run_id = await bench.start('release');
    const task = await bench.claim('shell:make');
    const cancel = () => bench.application.cancelWorkflow(bench.context, { run_id });
    expect(valueOf(await cancel()).status).toBe('cancelling');
    expect(valueOf(await cancel()).changed).toBe(false);
    const renewed = await bench.store.renew(task.lease, 1_000);
    expect(renewed).toMatchObject({ kind: 'renewed', cancelRequested: true });
    const explained = await bench.application.explainWorkflow(bench.context, { run_id });
    expect(valueOf(explained).reasons).toContainEqual(
      expect.objectContaining({ kind: 'cancelling' }),
    );
  });

  it('holds back what is ready while paused, and lets it go on resume', async () => {
    const { bench, run_id, signal } = await atGate();
    const pause = () => bench.application.pauseWorkflow(bench.context, { run_id });
    expect(valueOf(await pause())).toMatchObject({ status: 'paused', changed: true });
    expect(valueOf(await pause())).toMatchObject({ status: 'paused', changed: false });
    valueOf(await signal({ name: 'approve', payload: { by: 'ann' } }));
    const resumed = await bench.application.resumeWorkflow(bench.context, { run_id });
    expect(valueOf(resumed)).toMatchObject({ status: 'completed', changed: true });
  });

  it('refuses unknown and finished runs', async () => {
    const bench = createWorkbench();
    await bench.register(GREET);
    const run_id = await bench.start('greet', { who: 'x' });
    for (const command of ['cancelWorkflow', 'pauseWorkflow', 'resumeWorkflow'] as const) {
      const send = (id: string) => bench.application[command](bench.context, { run_id: id });
      expect(errorOf(await send('nope'))).toMatchObject({
        code: 'unknown_run',
        changed: 'nothing',
      });
      expect(errorOf(await send(run_id)).code).toBe('already_finished');
    }
  });

  it('says how to find out when the store gave no answer and no key was sent', async () => {
    const bench = createWorkbench();
    await bench.register(TIMED);
    const run_id = await bench.start('timed');
    bench.faults.fate = (operation) => (operation === 'commit' ? 'fail' : 'proceed');
    const waiting = bench.application.cancelWorkflow(bench.context, { run_id });
    await bench.outlast(60_000);
    const error = errorOf(await waiting);
    expect(error).toMatchObject({ code: 'store_unavailable', changed: 'unknown' });
    expect(error.next).toContain(`get_workflow {"run_id":"${run_id}"}`);
  });
});
