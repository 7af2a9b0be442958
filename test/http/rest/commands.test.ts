import { describe, expect, it } from 'vitest';
import { GREET, PAYMENT, RELEASE } from '../../application/definitions.ts';
import { createRig, type Rig } from './rig.ts';

async function releaseOf(rig: Rig): Promise<string> {
  await rig.bench.register(RELEASE);
  return rig.bench.start('release');
}

describe('commands to a run', () => {
  it('pause, resume and cancel it; what already holds changes nothing', async () => {
    const rig = createRig();
    const id = await releaseOf(rig);
    const answers: unknown[] = [];
    for (const name of ['pause', 'pause', 'resume', 'cancel']) {
      const answer = await rig.post(`/workflows/${id}/${name}`, { reason: 'because' });
      answers.push([answer.status, answer.field('status'), answer.field('changed')]);
    }
    expect(answers).toEqual([
      [200, 'paused', true],
      [200, 'paused', false],
      [200, 'running', true],
      // A worker may have its step: it is asked to stop.
      [200, 'cancelling', true],
    ]);
    await rig.bench.register(GREET);
    const done = await rig.bench.start('greet', { who: 'you' });
    const late = await rig.post(`/workflows/${done}/pause`);
    expect([late.status, late.field('code')]).toEqual([409, 'already_finished']);
    expect((await rig.bench.events(id)).map(({ type }) => type)).toContain('WorkflowPaused');
  });

  it('are applied once for one Idempotency-Key', async () => {
    const rig = createRig();
    const id = await releaseOf(rig);
    const signal = (payload: unknown) =>
      rig.post(`/workflows/${id}/signal`, { name: 'approve', payload }, { 'idempotency-key': 's' });
    expect((await signal(1)).json).toMatchObject({ changed: true, workflow_id: id });
    expect((await signal(1)).json).toMatchObject({ changed: false, duplicate: true });
    const other = await signal(2);
    expect([other.status, other.field('code')]).toEqual([422, 'idempotency_key_reused']);
    const signals = (await rig.bench.events(id)).filter(({ type }) => type === 'SignalReceived');
    expect(signals).toHaveLength(1);
  });

  it('keep a payload as it was sent, text that looks like JSON too', async () => {
    const rig = createRig();
    const id = await releaseOf(rig);
    await rig.post(`/workflows/${id}/signal`, { name: 'approve', payload: '{"by":"anna"}' });
    expect(await rig.bench.events(id)).toContainEqual({
      type: 'SignalReceived',
      name: 'approve',
      payload: '{"by":"anna"}',
    });
  });

  it('decide on a step whose outcome is unknown', async () => {
    const rig = createRig();
    await rig.bench.register(PAYMENT);
    const id = await rig.bench.start('payment');
    const decide = (body: object) => rig.post(`/workflows/${id}/signal`, body);
    const early = await decide({ step_id: 'pay', resolution: 'completed' });
    expect([early.status, early.field('code')]).toEqual([409, 'step_not_waiting_for_decision']);
    const task = await rig.bench.claim('shell:pay');
    const attempt = { step: task.slot, attempt: task.attempt };
    await rig.bench.report(task, { type: 'ReportUnknownOutcome', ...attempt, reason: 'vanished' });
    const decided = await decide({ step_id: 'pay', resolution: 'completed', payload: { paid: 1 } });
    expect(decided.json).toMatchObject({
      status: 'completed',
      effect: expect.any(String) as string,
    });
    const neither = await decide({});
    expect([neither.status, neither.field('code')]).toEqual([422, 'invalid_arguments']);
  });

  it('refuse what no run of this caller is', async () => {
    const rig = createRig();
    for (const name of ['pause', 'resume', 'cancel', 'signal']) {
      const refused = await rig.post(
        `/workflows/nobody/${name}`,
        name === 'signal' ? { name } : {},
      );
      expect([name, refused.status, refused.field('code')]).toEqual([name, 404, 'unknown_run']);
    }
  });

  it('refuse payloads that nobody could read back', async () => {
    const rig = createRig();
    const id = await releaseOf(rig);
    const deep = JSON.parse(`${'['.repeat(300)}${']'.repeat(300)}`) as unknown;
    const polluted = JSON.parse('{"__proto__":{"a":1}}') as unknown;
    for (const payload of [deep, polluted, 'x'.repeat(1_100_000)]) {
      const refused = await rig.post(`/workflows/${id}/signal`, { name: 'approve', payload });
      expect([refused.status, refused.field('changed')]).toEqual([422, 'nothing']);
    }
    await rig.bench.register(GREET);
    const inputs = [
      [polluted, 422, 'invalid_arguments'],
      [{ who: deep }, 422, 'invalid_arguments'],
      [{ who: 'x'.repeat(1_100_000) }, 413, 'payload_too_large'],
      [{ who: 7 }, 422, 'invalid_input'],
    ] as const;
    for (const [input, status, code] of inputs) {
      const refused = await rig.post('/workflows', { type: 'greet', input });
      expect([refused.status, refused.field('code')]).toEqual([status, code]);
    }
    expect((await rig.get('/workflows')).field('workflows')).toHaveLength(1);
  });
});
