import { expect, it } from 'vitest';
import { createApplication } from '../../src/application/application.ts';
import { createWorkbench, errorOf, portsOf, valueOf } from './workbench.ts';

const GATE = `
name: gate
steps:
  - { id: ok, uses: approval, with: { question: Go?, approvers: [anna, dora] } }
  - { id: after, needs: [ok], uses: transform, with: { x: 1 } }
`;

it('says what the run would refuse, and changes nothing either way', async () => {
  const bench = createWorkbench();
  await bench.register(GATE);
  const run_id = await bench.start('gate');
  const before = await bench.events(run_id);
  const rehearse = (by: string, run = run_id) =>
    bench.application.rehearseCommand(bench.context, {
      run_id: run,
      command: {
        type: 'ResolveApproval',
        approvalId: 'ok',
        resolution: 'chosen',
        by,
        via: 'terminal',
      },
    });
  expect(errorOf(await rehearse('bert'))).toMatchObject({
    code: 'not_an_approver',
    changed: 'nothing',
  });
  expect(errorOf(await rehearse('anna', 'nowhere')).code).toBe('unknown_run');
  valueOf(await rehearse('anna'));
  expect(await bench.events(run_id)).toEqual(before);
  const view = valueOf(await bench.application.getWorkflow(bench.context, { run_id }));
  expect(view.approvals).toMatchObject([{ approval_id: 'ok', status: 'waiting' }]);
  expect(view.status).toBe('running');
});

it('of two whom it let pass, only the first is recorded', async () => {
  const bench = createWorkbench();
  await bench.register(GATE);
  const run_id = await bench.start('gate');
  const other = createApplication(portsOf(bench.store, bench.clock));
  const answer = (application: typeof other, name: string) =>
    application.resolveApproval(bench.context, {
      run_id,
      approval_id: 'ok',
      resolution: 'chosen',
      person: { name, via: 'terminal' },
    });
  // Both processes have the run in their caches as it was while the approval waited.
  valueOf(await other.getWorkflow(bench.context, { run_id }));
  const answers = await Promise.all([answer(bench.application, 'anna'), answer(other, 'dora')]);
  expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
  const refused = answers.find(({ ok }) => !ok);
  expect(refused && errorOf(refused)).toMatchObject({ changed: 'nothing' });
  const resolved = (await bench.events(run_id)).filter(({ type }) => type === 'ApprovalResolved');
  expect(resolved).toHaveLength(1);
});
