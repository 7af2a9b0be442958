import { describe, expect, it } from 'vitest';
import { createWorkbench, errorOf, valueOf, type Workbench } from './workbench.ts';

const URGENT = `
name: urgent
priority: low
steps:
  - { id: first, uses: shell, with: { command: [make] } }
  - { id: later, uses: shell, needs: [first], priority: low, with: { command: [make] } }
  - { id: soon, uses: shell, needs: [first], priority: high, with: { command: [make] } }
`;

async function startWith(bench: Workbench, more: object = {}): Promise<string> {
  const call = { workflow: 'urgent', ...more };
  return valueOf(await bench.application.startWorkflow(bench.context, call)).run_id;
}

describe('the priority of a run', () => {
  it('goes before that of its workflow: the later run is claimed first', async () => {
    const bench = createWorkbench();
    await bench.register(URGENT);
    const patient = await startWith(bench);
    const normal = await startWith(bench, { priority: 'normal' });
    const high = await startWith(bench, { priority: 'high' });
    const claimed = [];
    for (let at = 0; at < 3; at += 1)
      claimed.push((await bench.claim('shell:make')).lease.key.runId);
    expect(claimed).toEqual([high, normal, patient]);
  });

  it('is part of what an idempotency key stands for', async () => {
    const bench = createWorkbench();
    await bench.register(URGENT);
    const call = { workflow: 'urgent', priority: 'high', idempotency_key: 'k' } as const;
    const first = valueOf(await bench.application.startWorkflow(bench.context, call));
    const again = valueOf(await bench.application.startWorkflow(bench.context, call));
    expect(again).toMatchObject({ run_id: first.run_id, duplicate: true });
    const other = await bench.application.startWorkflow(bench.context, {
      ...call,
      priority: 'low',
    });
    expect(errorOf(other)).toMatchObject({ code: 'idempotency_key_reused', changed: 'nothing' });
  });

  it('makes who completed a step go on with the most urgent of the next', async () => {
    const bench = createWorkbench();
    await bench.register(URGENT);
    const runId = await startWith(bench);
    const task = await bench.claim('shell:make');
    const outcome = await bench.ports.execute(task.lease.key, {
      command: {
        type: 'CompleteStep',
        step: 'first',
        attempt: 1,
        output: null,
        worker: 'worker-1',
        startedAtMs: bench.clock.now(),
      },
      commandId: 'done',
      actor: 'worker:worker-1',
      causationId: 'task',
      acknowledge: task.lease,
      canContinue: () => true,
    });
    expect(outcome).toMatchObject({ kind: 'committed', next: { slot: 'soon' } });
    expect(await bench.claim('shell:make')).toMatchObject({
      slot: 'later',
      lease: { key: { runId } },
    });
  });
});
