import { describe, expect, it } from 'vitest';
import { LOCAL_CALLER } from '../../../src/application/access/access.ts';
import { valueOf } from '../../application/workbench.ts';
import { ANNA, createRig, type Reply, type Rig } from './rig.ts';

const DECIDED = `
name: decided
steps:
  - id: decide
    uses: agent
    with:
      capability: deciding
      instructions: Decide.
      output: { type: object, required: [ok] }
`;

/** The path of a task that an agent handed to anna. */
async function handed(
  rig: Rig,
): Promise<{ run: string; answer: (body: object) => Promise<Reply> }> {
  const { application, context } = rig.bench;
  await rig.bench.register(DECIDED);
  const run = await rig.bench.start('decided');
  const wish = { agent_id: 'ann', capabilities: ['deciding'], wait_seconds: 0 };
  const { task } = valueOf(await application.claimTask(context, wish));
  valueOf(await application.handoffTask(context, { task: task?.task ?? '', to_person: 'anna' }));
  return { run, answer: (body) => rig.post(`/workflows/${run}/stages/decide/answer`, body) };
}

function codeOf(reply: Reply): unknown[] {
  return [reply.status, reply.field('code')];
}

describe('a task that people have', () => {
  it('is done by the holder of a key, as its contract says', async () => {
    const { answer } = await handed(createRig({ caller: ANNA }));
    const wrong = await answer({ resolution: 'completed', output: {} });
    expect(codeOf(wrong)).toEqual([422, 'invalid_input']);
    const done = await answer({ resolution: 'completed', output: { ok: 1 } });
    expect(done.json).toMatchObject({ status: 'completed', changed: true });
    expect(codeOf(await answer({ resolution: 'failed' }))).toEqual([409, 'already_finished']);
  });

  it('goes back to the agents', async () => {
    const rig = createRig({ caller: ANNA });
    const { answer } = await handed(rig);
    expect((await answer({ resolution: 'returned', note: 'yours' })).status).toBe(200);
    expect(codeOf(await answer({ resolution: 'returned' }))).toEqual([409, 'not_with_a_person']);
    const claimed = await rig.post('/tasks/claim', { agent_id: 'ann' });
    expect(claimed.field('task', 'handover')).toEqual({ from: 'person:anna', note: 'yours' });
  });

  it('is not answered by somebody else, or by nobody known', async () => {
    const rig = createRig({ caller: LOCAL_CALLER });
    const { run, answer } = await handed(rig);
    expect(codeOf(await answer({ resolution: 'failed' }))).toEqual([403, 'person_required']);
    const bert = { ...ANNA, key: { id: 'k2', name: 'bert' } };
    const other = createRig({ caller: bert, bench: rig.bench });
    const path = `/workflows/${run}/stages/decide/answer`;
    expect(codeOf(await other.post(path, { resolution: 'failed' }))).toEqual([
      403,
      'not_an_approver',
    ]);
    expect((await rig.get('/approvals')).field('workflows', 0, 'tasks')).toHaveLength(1);
  });
});
