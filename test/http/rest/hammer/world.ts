import { GREET, PAYMENT, RELEASE } from '../../../application/definitions.ts';
import { createWorkbench, valueOf, type Workbench } from '../../../application/workbench.ts';

const GATED = `
name: gated
steps:
  - { id: gate, uses: approval, with: { question: Go on?, choices: [yes, no] } }
  - { id: after, uses: agent, needs: [gate], with: { capability: review, instructions: Look. } }
`;

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

/** What a client of this world would know: values by the name of the parameter or field. */
export type Known = Readonly<Record<string, readonly string[]>>;

export interface World {
  readonly bench: Workbench;
  readonly known: Known;
}

/** Runs in many states, tasks that are held, approvals that wait. */
export async function createWorld(): Promise<World> {
  const bench = createWorkbench();
  const { application, context } = bench;
  for (const text of [GREET, RELEASE, PAYMENT, GATED, REVIEWED]) await bench.register(text);
  const started: string[] = [];
  for (const name of ['release', 'payment', 'gated', 'gated', 'reviewed', 'reviewed', 'reviewed'])
    started.push(await bench.start(name));
  started.push(await bench.start('greet', { who: 'you' }));
  const [release = '', , gated = ''] = started;
  const asked = valueOf(
    await application.requestApproval(context, {
      run_id: release,
      question: 'Really?',
      wait_seconds: 0,
    }),
  );
  const tasks: string[] = [];
  for (const agent_id of ['ann', 'bob']) {
    const claimed = await application.claimTask(context, {
      agent_id,
      capabilities: ['review'],
      wait_seconds: 0,
    });
    tasks.push(valueOf(claimed).task?.task ?? '');
  }
  return {
    bench,
    known: {
      workflow_id: [...started, release, gated],
      run: started,
      stage_id: ['build', 'gate', 'review', 'pay', '$run'],
      step_id: ['build', 'gate', 'review', 'pay'],
      approval_id: ['gate', asked.approval_id, 'build'],
      choice: ['yes', 'approve'],
      task: tasks,
      type: ['greet', 'release', 'payment@1', 'gated', 'reviewed', 'StepCompleted'],
      name: ['greet', 'release@1', 'approve', 'gated@2'],
      agent_id: ['ann', 'bob', 'carl'],
      to_agent: ['ann', 'zoe'],
      to_capability: ['review', 'juggling'],
      capabilities: ['review', 'tests'],
      person: ['anna'],
      topic: ['orders.new', 'runs.*', 'agents.*.tasks'],
      after: ['oldest', 'now', 'm.1-0'],
      cursor: ['', 'm.1-0', 'nonsense'],
      definition: [GREET, GREET.replace('greet', 'other'), 'name: [', '{}'],
    },
  };
}
