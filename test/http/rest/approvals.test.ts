import { describe, expect, it } from 'vitest';
import { LOCAL_CALLER } from '../../../src/application/access/access.ts';
import { createRig, type Rig, ANNA } from './rig.ts';

const GATED = `
name: gated
steps:
  - { id: gate, uses: approval, with: { question: Deploy?, choices: [ship, wait], approvers: [anna], expires: 1h } }
`;

async function gatedOf(rig: Rig): Promise<string> {
  await rig.bench.register(GATED);
  return rig.bench.start('gated');
}

describe('an approval', () => {
  it('is shown with its run and in the inbox, and answered by the holder of a key', async () => {
    const rig = createRig({ caller: ANNA });
    const id = await gatedOf(rig);
    const approval = { approval_id: 'gate', status: 'waiting', question: 'Deploy?' };
    expect((await rig.get(`/workflows/${id}/approvals`)).json).toMatchObject({
      workflow_id: id,
      approvals: [{ ...approval, choices: ['ship', 'wait'], approvers: ['anna'] }],
    });
    const inbox = { workflows: [{ workflow_id: id, type: 'gated', approvals: [approval] }] };
    expect((await rig.get('/approvals')).json).toMatchObject(inbox);
    expect((await rig.get('/approvals?person=bert')).field('workflows')).toEqual([]);
    const path = `/workflows/${id}/approvals/gate`;
    const answered = await rig.post(path, { resolution: 'chosen', choice: 'ship', comment: 'go' });
    expect(answered.json).toMatchObject({
      approval_id: 'gate',
      status: 'completed',
      changed: true,
    });
    expect(await rig.bench.events(id)).toContainEqual(
      expect.objectContaining({
        type: 'ApprovalResolved',
        choice: 'ship',
        by: 'anna',
        via: 'operator_key',
        comment: 'go',
      }),
    );
    const again = await rig.post(path, { resolution: 'rejected' });
    expect([again.status, again.field('code')]).toEqual([409, 'approval_resolved']);
  });

  it('is not answered without a key, on loopback neither: nobody knows who asks', async () => {
    const rig = createRig({ caller: LOCAL_CALLER });
    const id = await gatedOf(rig);
    const refused = await rig.post(`/workflows/${id}/approvals/gate`, { resolution: 'rejected' });
    expect([refused.status, refused.field('code')]).toEqual([403, 'person_required']);
    expect((await rig.get(`/workflows/${id}`)).field('status')).toBe('running');
  });

  it('is not answered with a key that may not, or that is of somebody else', async () => {
    const scopes = new Set(['runs:read', 'runs:write', 'agents:work', 'admin'] as const);
    const agent = createRig({ caller: { ...ANNA, scopes } });
    const id = await gatedOf(agent);
    const path = `/workflows/${id}/approvals/gate`;
    const { bench } = agent;
    expect((await agent.post(path, { resolution: 'rejected' })).field('code')).toBe(
      'missing_scope',
    );
    const bert = createRig({ caller: { ...ANNA, key: { id: 'k2', name: 'bert' } }, bench });
    const refusals = [
      [bert, path, { resolution: 'rejected' }, 403, 'not_an_approver'],
      [
        createRig({ caller: ANNA, bench }),
        path,
        { resolution: 'chosen', choice: 'sink' },
        422,
        'unknown_choice',
      ],
      [createRig({ caller: ANNA, bench }), path, { resolution: 'chosen' }, 422, 'unknown_choice'],
      [bert, `/workflows/${id}/approvals/gat`, { resolution: 'rejected' }, 404, 'unknown_approval'],
      [bert, '/workflows/x/approvals/gate', { resolution: 'rejected' }, 404, 'unknown_run'],
    ] as const;
    for (const [rig, to, body, status, code] of refusals) {
      const refused = await rig.post(to, body);
      expect([refused.status, refused.field('code')]).toEqual([status, code]);
    }
  });

  it('tells who may answer but not read how it stands now, and nothing of the run', async () => {
    const rig = createRig({ caller: { ...ANNA, scopes: new Set(['approvals:resolve']) } });
    const id = await gatedOf(rig);
    const path = `/workflows/${id}/approvals/gate`;
    const answered = await rig.post(path, { resolution: 'chosen', choice: 'ship' });
    expect([answered.status, answered.json]).toEqual([
      200,
      { workflow_id: id, approval_id: 'gate', status: 'completed', changed: true },
    ]);
  });

  it('has expired when its time is up', async () => {
    const rig = createRig({ caller: ANNA });
    const id = await gatedOf(rig);
    await rig.bench.clock.advance(3_600_000);
    const late = await rig.post(`/workflows/${id}/approvals/gate`, { resolution: 'rejected' });
    expect([late.status, late.field('code')]).toEqual([409, 'approval_expired']);
  });

  it('can be asked for in the course of a run, once for one Idempotency-Key', async () => {
    const rig = createRig({ caller: ANNA });
    const id = await gatedOf(rig);
    const ask = () =>
      rig.post(
        `/workflows/${id}/approvals`,
        { question: 'Really?', choices: ['yes', 'no'], step_id: 'gate' },
        { 'idempotency-key': 'a' },
      );
    const asked = await ask();
    expect(asked.status).toBe(201);
    expect(asked.json).toMatchObject({ workflow_id: id, status: 'waiting', asked_by: 'key:anna' });
    expect((await ask()).field('approval_id')).toBe(asked.field('approval_id'));
    expect((await rig.get(`/workflows/${id}/approvals`)).field('approvals')).toHaveLength(2);
    const place = (asked.headers.get('location') ?? '').replace('/api/v1', '');
    expect((await rig.post(place, { resolution: 'chosen', choice: 'no' })).json).toMatchObject({
      approval_id: asked.field('approval_id'),
      changed: true,
    });
    const late = await rig.post(place, { resolution: 'chosen', choice: 'no' });
    expect([late.status, late.field('code')]).toEqual([409, 'approval_resolved']);
  });
});
