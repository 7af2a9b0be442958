import { describe, expect, it } from 'vitest';
import type { WorkflowHistory } from '../../src/application/runs/get-workflow-history.ts';
import { signalWorkflowInputSchema } from '../../src/application/runs/signal-workflow.ts';
import { GREET, PAYMENT, RELEASE, TIMED, wide } from './definitions.ts';
import { LEASE_MS, WORKER, createWorkbench, errorOf, valueOf } from './workbench.ts';

describe('get_workflow', () => {
  it('tells queued, no_worker and running apart by who serves the queue and who holds the task', async () => {
    const bench = createWorkbench();
    await bench.register(RELEASE);
    const run_id = await bench.start('release');
    const statusOf = async () =>
      valueOf(await bench.application.getWorkflow(bench.context, { run_id })).steps[0]?.status;
    expect(await statusOf()).toBe('no_worker');
    await bench.announce('shell:make');
    expect(await statusOf()).toBe('queued');
    await bench.claim('shell:make');
    expect(await statusOf()).toBe('running');
    await bench.announce('shell:make');
    await bench.clock.advance(LEASE_MS + 1);
    expect(await statusOf()).toBe('queued');
    await bench.clock.advance(16_000);
    expect(await statusOf()).toBe('no_worker');
  });

  it('shows progress, attempts, durations and errors', async () => {
    const bench = createWorkbench();
    await bench.register(RELEASE);
    const run_id = await bench.start('release');
    const task = await bench.claim('shell:make');
    await bench.clock.advance(1_500);
    await bench.fail(task, 'exit_2', 'it broke');
    const view = valueOf(await bench.application.getWorkflow(bench.context, { run_id }));
    expect(view.progress).toEqual({ completed: 0, failed: 0, dropped: 0, total: 3 });
    expect(view.duration_ms).toBe(1_500);
    expect(view.steps.map(({ id, status, attempts }) => [id, status, attempts])).toEqual([
      ['build', 'retrying', 1],
      ['gate', 'pending', 0],
      ['report', 'pending', 0],
    ]);
    expect(view.steps[0]?.error).toEqual({ code: 'exit_2', message: 'it broke' });
  });

  it('gives the whole output of one step, and of the run', async () => {
    const bench = createWorkbench();
    await bench.register(GREET);
    const run_id = await bench.start('greet', { who: 'you' });
    const get = (step: string) => bench.application.getWorkflow(bench.context, { run_id, step });
    expect(valueOf(await get('hello')).step?.output).toEqual({ text: 'hello you' });
    expect(valueOf(await get('$run'))).toMatchObject({ output: { text: 'hello you' } });
    expect(errorOf(await get('helo')).next).toContain('Did you mean "hello"?');
  });

  it('does not know a run of another tenant', async () => {
    const bench = createWorkbench();
    await bench.register(TIMED);
    const run_id = await bench.start('timed');
    const stranger = { ...bench.context, tenant: 'other' };
    const error = errorOf(await bench.application.getWorkflow(stranger, { run_id }));
    expect(error).toMatchObject({ code: 'unknown_run', changed: 'nothing' });
    expect(error.next).toContain('list_workflows');
  });

  it('says that the store is away, and that a read changed nothing', async () => {
    const bench = createWorkbench();
    bench.faults.fate = () => 'fail';
    const error = errorOf(await bench.application.getWorkflow(bench.context, { run_id: 'x' }));
    expect(error).toMatchObject({ code: 'store_unavailable', changed: 'nothing' });
  });
});

describe('list_workflows', () => {
  it('filters by status and workflow, and pages newest first', async () => {
    const bench = createWorkbench();
    await bench.register(TIMED);
    await bench.register(GREET);
    const done = await bench.start('greet', { who: 'x' });
    const open: string[] = [];
    for (let at = 0; at < 3; at += 1) {
      await bench.clock.advance(1_000);
      open.push(await bench.start('timed'));
    }
    const list = (query: object) => bench.application.listWorkflows(bench.context, query);
    expect(valueOf(await list({ status: 'completed' })).runs).toMatchObject([{ run_id: done }]);
    const first = valueOf(await list({ workflow: 'timed', limit: 2 }));
    const second = valueOf(await list({ workflow: 'timed', limit: 2, cursor: first.next_cursor }));
    const ids = [...first.runs, ...second.runs].map((run) => run.run_id);
    expect(ids).toEqual(open.toReversed());
    expect(second.next_cursor).toBeUndefined();
  });

  it('refuses a cursor that is not one', async () => {
    const bench = createWorkbench();
    const list = await bench.application.listWorkflows(bench.context, { cursor: 'nonsense' });
    expect(errorOf(list)).toMatchObject({ code: 'invalid_cursor', changed: 'nothing' });
  });
});

describe('get_workflow_history', () => {
  it('pages through gapless events', async () => {
    const bench = createWorkbench();
    await bench.register(RELEASE);
    const run_id = await bench.start('release');
    await bench.complete(await bench.claim('shell:make'), 'ok');
    const read = (from: number) =>
      bench.application.getWorkflowHistory(bench.context, { run_id, from, limit: 2 });
    const seen: string[] = [];
    for (let from: number | undefined = 1; from !== undefined;) {
      const page: WorkflowHistory = valueOf(await read(from));
      seen.push(...page.events.map(({ sequence, type }) => `${sequence} ${type}`));
      expect(page.total).toBe(4);
      from = page.next_from;
    }
    expect(seen).toEqual([
      '1 WorkflowStarted',
      '2 StepsScheduled',
      '3 StepCompleted',
      '4 StepWaiting',
    ]);
  });

  it('refuses an unknown run', async () => {
    const bench = createWorkbench();
    const read = await bench.application.getWorkflowHistory(bench.context, { run_id: 'nope' });
    expect(errorOf(read).code).toBe('unknown_run');
  });
});

describe('explain_workflow', () => {
  const explain = async (bench: ReturnType<typeof createWorkbench>, run_id: string) =>
    valueOf(await bench.application.explainWorkflow(bench.context, { run_id }));

  it('names the queue without a worker and the setting that allows it', async () => {
    const bench = createWorkbench();
    await bench.register(RELEASE);
    const seen = await explain(bench, await bench.start('release'));
    expect(seen.reasons[0]).toMatchObject({ kind: 'no_worker', step: 'build' });
    expect(seen.reasons[0]?.message).toMatch(/"shell:make".*No worker is alive.*shell\.allow/);
    expect(seen.reasons.at(-1)).toMatchObject({ kind: 'blocked', message: 'waits for gate.' });
    expect(seen.next.at(-1)).toContain('await_workflow');
  });

  it('tells a queued step how long its queue is, and a running one who holds it', async () => {
    const bench = createWorkbench();
    await bench.register(RELEASE);
    await bench.announce('shell:make');
    const first = await bench.start('release');
    const second = await bench.start('release');
    await bench.claim('shell:make');
    expect((await explain(bench, second)).reasons[0]?.message).toContain(
      '1 waiting there, 1 running',
    );
    const running = (await explain(bench, first)).reasons[0];
    expect(running).toMatchObject({ kind: 'running', step: 'build' });
    expect(running?.message).toMatch(
      new RegExp(`attempt 1 of 2 runs at worker ${WORKER} since .*lease`),
    );
  });

  it('says that a worker stopped renewing its lease', async () => {
    const bench = createWorkbench();
    await bench.register(RELEASE);
    const run_id = await bench.start('release');
    await bench.claim('shell:make');
    await bench.clock.advance(LEASE_MS + 1);
    expect((await explain(bench, run_id)).reasons[0]?.message).toContain(
      'stopped renewing its lease',
    );
  });

  it('names the time and the error of a retry', async () => {
    const bench = createWorkbench();
    await bench.register(RELEASE);
    const run_id = await bench.start('release');
    await bench.fail(await bench.claim('shell:make'), 'exit_2', 'it broke');
    const [reason] = (await explain(bench, run_id)).reasons;
    const retryAt = new Date(bench.clock.now() + 60_000).toISOString();
    expect(reason).toMatchObject({ kind: 'retrying', step: 'build' });
    expect(reason?.message).toContain(`(exit_2: it broke); the next starts at ${retryAt}`);
  });

  it('gives the exact signal call, which works as it stands', async () => {
    const bench = createWorkbench();
    await bench.register(RELEASE);
    const run_id = await bench.start('release');
    await bench.complete(await bench.claim('shell:make'), 'ok');
    const seen = await explain(bench, run_id);
    expect(seen.reasons[0]).toMatchObject({ kind: 'waiting_for_signal', step: 'gate' });
    const [name, args] = splitCall(seen.next[0]);
    expect(name).toBe('signal_workflow');
    const sent = await bench.application.signalWorkflow(
      bench.context,
      signalWorkflowInputSchema.parse(args),
    );
    expect(valueOf(sent).effect).toBe('step "gate" took it');
  });

  it('gives the exact decision on an unsafe step whose outcome is unknown', async () => {
    const bench = createWorkbench();
    await bench.register(PAYMENT);
    const run_id = await bench.start('payment');
    const task = await bench.claim('shell:pay');
    const attempt = { step: 'pay', attempt: 1 };
    await bench.report(task, { type: 'ReportUnknownOutcome', ...attempt, reason: 'it died' });
    const seen = await explain(bench, run_id);
    expect(seen.reasons).toMatchObject([{ kind: 'outcome_unknown', step: 'pay' }]);
    const [name, args] = splitCall(seen.next[0]);
    expect(name).toBe('signal_workflow');
    expect(args).toEqual({ run_id, step_id: 'pay', resolution: 'completed' });
  });

  it('names the time that a wait ends, and a pause with its way out', async () => {
    const bench = createWorkbench();
    await bench.register(TIMED);
    const run_id = await bench.start('timed');
    await bench.application.pauseWorkflow(bench.context, { run_id, reason: 'lunch' });
    const seen = await explain(bench, run_id);
    const dueAt = new Date(bench.clock.now() + 3_600_000).toISOString();
    expect(seen.reasons).toMatchObject([
      { kind: 'paused', next: `resume_workflow {"run_id":"${run_id}"}` },
      { kind: 'waiting_until', message: `waits until ${dueAt}.` },
    ]);
    expect(seen.reasons[0]?.message).toContain('(lunch)');
  });

  it('says why a run failed and how to look and start again', async () => {
    const bench = createWorkbench();
    await bench.register(PAYMENT);
    const run_id = await bench.start('payment');
    await bench.fail(await bench.claim('shell:pay'), 'exit_1', 'no money');
    const seen = await explain(bench, run_id);
    expect(seen.headline).toContain('no money');
    expect(seen.failures).toMatchObject([{ id: 'pay', error: { code: 'exit_1' } }]);
    expect(seen.next).toEqual([
      `get_workflow {"run_id":"${run_id}","step":"pay"}`,
      'start_workflow {"workflow":"payment","input":{}}',
    ]);
  });

  it('says that steps wait for their turn when 64 of a run are in flight', async () => {
    const bench = createWorkbench();
    const steps = Array.from(
      { length: 66 },
      (_, at) => `  - { id: s${at}, uses: shell, with: { command: [make] } }`,
    );
    await bench.register(['name: many', 'steps:', ...steps].join('\n'));
    await bench.announce('shell:make');
    const seen = await explain(bench, await bench.start('many'));
    expect(seen.reasons.filter(({ kind }) => kind === 'ready')).toHaveLength(2);
    expect(seen.reasons.at(-1)?.message).toContain('64 steps in flight');
  });

  it('explains a run of 300 open steps', async () => {
    const bench = createWorkbench();
    await bench.register(wide(300));
    const seen = await explain(bench, await bench.start('wide'));
    expect(seen.reasons).toHaveLength(301);
    expect(seen.reasons[0]?.kind).toBe('waiting_for_signal');
  });
});

function splitCall(call: string | undefined): [string, unknown] {
  const at = call?.indexOf(' ') ?? -1;
  return [call?.slice(0, at) ?? '', JSON.parse(call?.slice(at + 1) ?? 'null')];
}
