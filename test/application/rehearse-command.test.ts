import { expect, it } from 'vitest';
import { createWorkbench, errorOf, valueOf } from './workbench.ts';

const GATE = `
name: gate
steps:
  - { id: ok, uses: approval, with: { question: Go?, approvers: [anna] } }
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
