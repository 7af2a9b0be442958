import { GREET, RELEASE } from '../../../application/definitions.ts';
import { createWorkbench, valueOf, type Workbench } from '../../../application/workbench.ts';

/** Waits for a person, an agent, a worker and a signal at once. */
const WAITING = `
name: waiting
steps:
  - { id: gate, uses: approval, with: { question: Go on?, choices: [approve, no] } }
  - { id: review, uses: agent, with: { capability: review, instructions: Look., output: { type: object } } }
  - { id: decide, uses: agent, with: { capability: deciding, instructions: Decide. } }
  - { id: build, uses: shell, with: { command: [make] } }
  - { id: hook, uses: signal, with: { name: approve } }
`;

/** What a client of this world would know: values by the name of the parameter or field. */
export type Known = Readonly<Record<string, readonly string[]>>;

export interface World {
  readonly bench: Workbench;
  readonly known: Known;
}

/** Runs in many states, tasks that agents and people have, approvals that wait. */
export async function createWorld(): Promise<World> {
  const bench = createWorkbench();
  for (const text of [GREET, RELEASE, WAITING]) await bench.register(text);
  const started = [await bench.start('release'), await bench.start('greet', { who: 'you' })];
  for (let count = 0; count < 4; count += 1) started.push(await bench.start('waiting'));
  const asked = await bench.application.requestApproval(bench.context, {
    run_id: started[0] ?? '',
    question: 'Really?',
    wait_seconds: 0,
  });
  const tasks = [await claim(bench, 'ann', 'review'), await claim(bench, 'bob', 'review')];
  for (const agent of ['eve', 'fay']) {
    const task = await claim(bench, agent, 'deciding');
    valueOf(await bench.application.handoffTask(bench.context, { task, to_person: 'anyone' }));
  }
  return {
    bench,
    known: {
      workflow_id: started,
      run: started,
      stage_id: ['gate', 'decide', '$run'],
      step_id: ['build', 'gate', 'review'],
      approval_id: ['gate', valueOf(asked).approval_id],
      choice: ['approve', 'yes'],
      task: tasks,
      type: ['greet', 'release@1', 'waiting', 'StepCompleted'],
      name: ['greet', 'release@1', 'approve', 'waiting@2'],
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

async function claim(bench: Workbench, agent_id: string, capability: string): Promise<string> {
  const wish = { agent_id, capabilities: [capability], wait_seconds: 0 };
  return valueOf(await bench.application.claimTask(bench.context, wish)).task?.task ?? '';
}
