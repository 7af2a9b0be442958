import { describe, expect, it } from 'vitest';
import { GREET, RELEASE, wide } from '../../application/definitions.ts';
import { createRig } from './rig.ts';

describe('stages', () => {
  it('page through the steps of a run, as its Link header says', async () => {
    const rig = createRig();
    await rig.bench.register(wide(300));
    const id = await rig.bench.start('wide');
    const first = await rig.get(`/workflows/${id}/stages?limit=200`);
    expect([first.field('total'), first.field('next_offset')]).toEqual([301, 200]);
    const next = /^<\/api\/v1(.*)>/.exec(first.headers.get('link') ?? '')?.[1] ?? '';
    const second = await rig.get(next);
    expect(second.field('stages', 0, 'id')).toBe('step_number_199');
    expect([second.headers.get('link'), second.field('next_offset')]).toEqual([null, undefined]);
  });

  it('show one step with its whole output', async () => {
    const rig = createRig();
    await rig.bench.register(GREET);
    const id = await rig.bench.start('greet', { who: 'x'.repeat(9_000) });
    const stage = await rig.get(`/workflows/${id}/stages/hello`);
    expect(stage.json).toMatchObject({ workflow_id: id, id: 'hello', status: 'completed' });
    expect(stage.field('output', 'text')).toBe(`hello ${'x'.repeat(9_000)}`);
    for (const none of ['helo', '$run'])
      expect((await rig.get(`/workflows/${id}/stages/${none}`)).field('code')).toBe('unknown_step');
  });

  it('are named where their outputs are too large for the answer about the run', async () => {
    const rig = createRig();
    await rig.bench.register(RELEASE);
    const id = await rig.bench.start('release');
    const output = 'x'.repeat(1_048_570);
    await rig.bench.complete(await rig.bench.claim('shell:make'), output);
    await rig.post(`/workflows/${id}/signal`, { name: 'approve', payload: { by: 'anna' } });
    const read = await rig.get(`/workflows/${id}`);
    expect(read.field('status')).toBe('completed');
    expect(read.field('stage_outputs', 'build')).toBe(output);
    expect(read.field('stage_outputs_left_out')).toEqual(['gate', 'report']);
    expect((await rig.get(`/workflows/${id}/stages/gate`)).field('output')).toEqual({ by: 'anna' });
  });
});

describe('the bound of all outputs', () => {
  it('counts bytes of UTF-8', async () => {
    const rig = createRig();
    await rig.bench.register(RELEASE);
    const id = await rig.bench.start('release');
    // Of 600,002 units in UTF-16, and 1,800,002 bytes.
    const output = '€'.repeat(600_000);
    await rig.bench.complete(await rig.bench.claim('shell:make'), output);
    const read = await rig.get(`/workflows/${id}`);
    expect(read.field('stage_outputs_left_out')).toEqual(['build']);
    expect(Buffer.byteLength(read.text)).toBeLessThan(2_000);
    expect((await rig.get(`/workflows/${id}/stages/build`)).field('output')).toBe(output);
  });
});

describe('history', () => {
  it('pages through what happened, in order', async () => {
    const rig = createRig();
    await rig.bench.register(GREET);
    const id = await rig.bench.start('greet', { who: 'you' });
    const first = await rig.get(`/workflows/${id}/history?limit=2`);
    expect(first.json).toMatchObject({
      total: 3,
      next_from: 3,
      events: [{ sequence: 1, type: 'WorkflowStarted' }, { sequence: 2 }],
    });
    const next = /^<\/api\/v1(.*)>/.exec(first.headers.get('link') ?? '')?.[1] ?? '';
    expect(next).toBe(`/workflows/${id}/history?limit=2&from=3`);
    const last = await rig.get(next);
    expect(last.json).toMatchObject({ events: [{ sequence: 3, type: 'WorkflowCompleted' }] });
    expect(last.headers.get('link')).toBeNull();
  });
});

describe('explanation', () => {
  it('says what a run hangs on', async () => {
    const rig = createRig();
    await rig.bench.register(RELEASE);
    const id = await rig.bench.start('release');
    const explained = await rig.get(`/workflows/${id}/explanation`);
    expect(explained.json).toMatchObject({
      workflow_id: id,
      status: 'running',
      reasons: [{ kind: 'no_worker', step: 'build' }, { kind: 'blocked' }, { kind: 'blocked' }],
      failures: [],
    });
    expect(explained.field('headline')).toContain('needs somebody');
  });
});
