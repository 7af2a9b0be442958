import { describe, expect, it } from 'vitest';
import { createRig, type Reply, type Rig } from './rig.ts';

const REVIEWED = `
name: reviewed
steps:
  - id: review
    uses: agent
    with:
      capability: review
      instructions: Look.
      output: { type: object, required: [ok], properties: { ok: { type: boolean } } }
`;

async function claim(rig: Rig, agent_id = 'ann'): Promise<Reply> {
  return rig.post('/tasks/claim', { agent_id, capabilities: ['review'] });
}

async function held(rig: Rig): Promise<{ run: string; task: string }> {
  await rig.bench.register(REVIEWED);
  const run = await rig.bench.start('reviewed');
  const claimed = await claim(rig);
  return { run, task: `/tasks/${encodeURIComponent(String(claimed.field('task', 'task')))}` };
}

function codeOf(reply: Reply): unknown[] {
  return [reply.status, reply.field('code')];
}

describe('an agent without MCP', () => {
  it('claims a task, holds it, and completes it as its contract says', async () => {
    const rig = createRig();
    await rig.bench.register(REVIEWED);
    const run = await rig.bench.start('reviewed');
    const claimed = await claim(rig);
    expect(claimed.json).toMatchObject({
      agent_id: 'ann',
      capabilities: ['review'],
      task: {
        workflow_id: run,
        type: 'reviewed',
        step_id: 'review',
        instructions: 'Look.',
        output_schema: { required: ['ok'] },
      },
    });
    const task = `/tasks/${encodeURIComponent(String(claimed.field('task', 'task')))}`;
    const beat = await rig.post(`${task}/heartbeat`, { message: 'half', payload: { at: 1 } });
    expect(beat.json).toMatchObject({
      action: 'heartbeat',
      lease_expires_at: expect.any(String) as string,
    });
    expect(codeOf(await rig.post(`${task}/complete`, { output: { ok: 'yes' } }))).toEqual([
      422,
      'contract_violation',
    ]);
    const done = await rig.post(`${task}/complete`, { output: { ok: true } });
    expect(done.json).toMatchObject({ workflow_id: run, step_id: 'review', action: 'complete' });
    expect((await rig.post(`${task}/complete`, { output: { ok: true } })).field('duplicate')).toBe(
      true,
    );
    expect(codeOf(await rig.post(`${task}/complete`, { output: { ok: false } }))).toEqual([
      409,
      'already_reported',
    ]);
    expect((await rig.get(`/workflows/${run}`)).json).toMatchObject({
      status: 'completed',
      stage_outputs: { review: { ok: true } },
    });
  });

  it('is told when there is nothing to do, within its time', async () => {
    const rig = createRig();
    const waiting = rig.post('/tasks/claim', { agent_id: 'ann', wait_seconds: 10 });
    await rig.bench.outlast(10_000);
    const answer = await waiting;
    expect([answer.status, answer.field('task')]).toEqual([200, undefined]);
    expect(answer.field('next_cursor')).toEqual(expect.any(String));
  });

  it('fails a task in its own words', async () => {
    const rig = createRig();
    const { run, task } = await held(rig);
    const misnamed = await rig.post(`${task}/fail`, { reason: '3 fail' });
    expect(misnamed.field('violations', 0)).toMatchObject({
      path: 'body.reason',
      suggestion: 'message',
    });
    await rig.post(`${task}/fail`, { code: 'tests_red', message: '3 fail' });
    expect((await rig.get(`/workflows/${run}/stages/review`)).field('error')).toEqual({
      code: 'tests_red',
      message: '3 fail',
    });
  });

  it('gives a task back, with what the next should resume from', async () => {
    const rig = createRig();
    const { task } = await held(rig);
    expect((await rig.post(`${task}/release`, { payload: { at: 7 } })).status).toBe(200);
    expect((await claim(rig, 'bob')).field('task', 'last_heartbeat')).toEqual({ at: 7 });
    expect(codeOf(await rig.post(`${task}/heartbeat`))).toEqual([409, 'lease_lost']);
  });

  it('hands a task on to people, whose inbox shows it', async () => {
    const rig = createRig();
    const { run, task } = await held(rig);
    expect(codeOf(await rig.post(`${task}/handoff`, {}))).toEqual([422, 'invalid_arguments']);
    expect(codeOf(await rig.post(`${task}/handoff`, { to_agent: 'zoe' }))).toEqual([
      409,
      'no_worker',
    ]);
    const handed = await rig.post(`${task}/handoff`, {
      to_person: 'anna',
      note: 'look',
      context: [1],
    });
    expect(handed.json).toMatchObject({ workflow_id: run, to: 'anna' });
    expect((await rig.get('/approvals')).field('workflows', 0, 'tasks', 0)).toMatchObject({
      step_id: 'review',
      person: 'anna',
      from: 'agent:ann',
      note: 'look',
      context: [1],
    });
    const again = await rig.post(`${task}/handoff`, { to_person: 'bert' });
    expect(codeOf(again)).toEqual([409, 'already_reported']);
  });

  it('is refused a task that nobody gave it, and what is too large to keep', async () => {
    const rig = createRig();
    const { task } = await held(rig);
    for (const action of ['heartbeat', 'complete', 'fail', 'release', 'handoff'])
      expect(codeOf(await rig.post(`/tasks/made~up/${action}`, {}))).toEqual([404, 'unknown_task']);
    const payload = 'x'.repeat(1_100_000);
    expect(codeOf(await rig.post(`${task}/heartbeat`, { payload }))).toEqual([
      413,
      'payload_too_large',
    ]);
    expect(codeOf(await rig.post(`${task}/complete`, { output: payload }))).toEqual([
      413,
      'output_too_large',
    ]);
  });

  it('keeps text that looks like JSON as text', async () => {
    const rig = createRig();
    await rig.bench.register(REVIEWED.replace(/ {6}output:.*\n/, ''));
    const run = await rig.bench.start('reviewed');
    const task = encodeURIComponent(String((await claim(rig)).field('task', 'task')));
    await rig.post(`/tasks/${task}/complete`, { output: '{"ok":true}' });
    expect((await rig.get(`/workflows/${run}/stages/review`)).field('output')).toBe('{"ok":true}');
  });
});

describe('agents', () => {
  it('register and are listed', async () => {
    const rig = createRig();
    const body = { agent_id: 'ann', capabilities: ['review'], description: 'reads code' };
    expect((await rig.post('/agents', body)).json).toMatchObject({ ...body, status: 'present' });
    expect((await rig.get('/agents')).json).toMatchObject({ agents: [body] });
    expect(codeOf(await rig.post('/agents', { agent_id: 'Not A Name' }))).toEqual([
      422,
      'invalid_arguments',
    ]);
  });
});
