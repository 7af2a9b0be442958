import { describe, expect, it } from 'vitest';
import type { RunProgress } from '../../src/application/runs/run-view.ts';
import { GREET, RELEASE, TIMED } from './definitions.ts';
import { createWorkbench, errorOf, valueOf, type Workbench } from './workbench.ts';

async function running(): Promise<{ bench: Workbench; run_id: string }> {
  const bench = createWorkbench();
  await bench.register(RELEASE);
  await bench.announce('shell:make');
  return { bench, run_id: await bench.start('release') };
}

describe('await_workflow', () => {
  it('answers at once for a finished run, with what happened', async () => {
    const bench = createWorkbench();
    await bench.register(GREET);
    const run_id = await bench.start('greet', { who: 'x' });
    const seen = valueOf(await bench.application.awaitWorkflow(bench.context, { run_id }));
    expect(seen).toMatchObject({ finished: true, status: 'completed', events_left_out: 0 });
    expect(seen.events.map(({ text }) => text)).toEqual([
      'started greet@1',
      'hello completed',
      'run completed',
    ]);
  });

  it('wakes when the run needs somebody, and tells only what is new after the cursor', async () => {
    const { bench, run_id } = await running();
    const first = valueOf(
      await bench.application.awaitWorkflow(bench.context, { run_id, wait_seconds: 0 }),
    );
    expect(first.finished).toBe(false);
    const waiting = bench.application.awaitWorkflow(bench.context, {
      run_id,
      cursor: first.next_cursor,
    });
    await bench.clock.advance(1_000);
    await bench.complete(await bench.claim('shell:make'), 'ok');
    await bench.clock.advance(1_000);
    const seen = valueOf(await waiting);
    expect(seen.attention).toMatchObject([{ kind: 'waiting_for_signal' }]);
    expect(seen.events.map(({ type }) => type)).toEqual(['StepCompleted', 'StepWaiting']);
  });

  it('does not answer again at once for what the cursor has already told', async () => {
    const { bench, run_id } = await running();
    await bench.complete(await bench.claim('shell:make'), 'ok');
    const first = valueOf(await bench.application.awaitWorkflow(bench.context, { run_id }));
    expect(first.attention).toHaveLength(1);
    let isAnswered = false;
    const cursor = first.next_cursor;
    const waiting = bench.application
      .awaitWorkflow(bench.context, { run_id, cursor })
      .finally(() => (isAnswered = true));
    await bench.clock.advance(19_000);
    expect(isAnswered).toBe(false);
    await bench.clock.advance(1_100);
    expect(valueOf(await waiting)).toMatchObject({ events: [], finished: false });
  });

  it('gives a cursor that differs on every answer', async () => {
    const { bench, run_id } = await running();
    const cursors = new Set<string>();
    for (let at = 0; at < 5; at += 1) {
      const args = { run_id, wait_seconds: 0 };
      cursors.add(valueOf(await bench.application.awaitWorkflow(bench.context, args)).next_cursor);
    }
    expect(cursors.size).toBe(5);
  });

  it('misses no change that comes while it reads', async () => {
    const { bench, run_id } = await running();
    const task = await bench.claim('shell:make');
    let isDone = false;
    bench.faults.fate = (operation) => {
      // The run moves on between the subscription and the first look's answer.
      if (operation === 'openWork' && !isDone) {
        isDone = true;
        void bench.complete(task, 'ok');
      }
      return 'proceed';
    };
    const waiting = bench.application.awaitWorkflow(bench.context, { run_id });
    await bench.clock.advance(100);
    expect(valueOf(await waiting).attention).toMatchObject([{ kind: 'waiting_for_signal' }]);
  });

  it('looks again on its own when no change is announced', async () => {
    const bench = createWorkbench();
    await bench.register(RELEASE);
    await bench.announce('shell:make');
    const run_id = await bench.start('release');
    const silent = { ...bench.store, onChange: () => () => undefined };
    const { createAwaitWorkflow } = await import('../../src/application/runs/await-workflow.ts');
    const awaitWorkflow = createAwaitWorkflow({ ...bench.ports, store: silent });
    const waiting = awaitWorkflow(bench.context, { run_id });
    await bench.clock.advance(100);
    await bench.complete(await bench.claim('shell:make'), 'ok');
    await bench.clock.advance(5_100);
    expect(valueOf(await waiting).attention).toMatchObject([{ kind: 'waiting_for_signal' }]);
  });

  it('ends when the caller is gone, and leaves the run alone', async () => {
    const { bench, run_id } = await running();
    const gone = new AbortController();
    const context = { ...bench.context, signal: gone.signal };
    const waiting = bench.application.awaitWorkflow(context, { run_id });
    await bench.clock.advance(1_000);
    gone.abort();
    expect(valueOf(await waiting).status).toBe('running');
    expect(bench.clock.sleeping()).toBe(0);
  });

  it('reports progress that only grows', async () => {
    const { bench, run_id } = await running();
    const reports: RunProgress[] = [];
    const context = { ...bench.context, onProgress: (report: RunProgress) => reports.push(report) };
    const waiting = bench.application.awaitWorkflow(context, { run_id });
    await bench.clock.advance(1_000);
    await bench.complete(await bench.claim('shell:make'), 'ok');
    await bench.clock.advance(1_000);
    await waiting;
    expect(reports.map(({ completed }) => completed)).toEqual([0, 1]);
  });

  it('counts the events it leaves out of a long history', async () => {
    const bench = createWorkbench();
    await bench.register(TIMED);
    const run_id = await bench.start('timed');
    for (let at = 0; at < 120; at += 1)
      valueOf(await bench.application.signalWorkflow(bench.context, { run_id, name: 'tick' }));
    const args = { run_id, wait_seconds: 0 };
    const seen = valueOf(await bench.application.awaitWorkflow(bench.context, args));
    expect(seen.events).toHaveLength(100);
    expect(seen.events_left_out).toBe(22);
    expect(seen.events.at(-1)?.sequence).toBe(122);
  });

  it('refuses an unknown run at once', async () => {
    const bench = createWorkbench();
    const waiting = await bench.application.awaitWorkflow(bench.context, { run_id: 'nope' });
    expect(errorOf(waiting).code).toBe('unknown_run');
  });
});
