import { describe, expect, it } from 'vitest';
import { effectsOf } from '../../src/domain/effects.ts';
import {
  agent,
  begin,
  cancel,
  complete,
  fail,
  fire,
  giveBack,
  given,
  pause,
  reportCancelled,
  reportUnknown,
  resume,
  retry,
  start,
  START_MS,
  work,
  workflow,
  type Scenario,
  type When,
} from '../support/given.ts';

const HOUR_MS = 3_600_000;
const limited = agent('a', {}, { timeout: '1h' });
const effects = ({ plan }: Scenario, when: When) => effectsOf(plan, when.accepted(), () => []);

describe('an agent step', () => {
  it('is offered with its instructions and context evaluated', () => {
    const asked = agent('a', {
      instructions: 'Review ${{ input.branch }}.',
      context: { files: '${{ input.files }}' },
    });
    const run = given(workflow([asked]));
    const when = run.when(start({ branch: 'main', files: [1, 2] }));
    expect(when.only('StepsScheduled').steps).toEqual([
      {
        step: 'a',
        attempt: 1,
        input: {
          capability: 'review',
          instructions: 'Review main.',
          context: { files: [1, 2] },
        },
      },
    ]);
    expect(effects(run, when).enqueue).toEqual([{ slot: 'a', attempt: 1, queue: 'agent:review' }]);
  });

  it('has no time limit of its own accord', () => {
    const run = given(workflow([agent('a')]));
    const when = run.when(start());
    expect(when.only('StepsScheduled').steps).toEqual([{ step: 'a', attempt: 1 }]);
    expect(effects(run, when).timers).toEqual([]);
  });

  it('fails where its instructions come out too long, before any agent sees them', () => {
    const run = given(workflow([agent('a', { instructions: '${{ input.text }}' })]));
    run
      .when(start({ text: 'x'.repeat(100_001) }))
      .thenEvents({ type: 'WorkflowStarted' }, { type: 'StepFailed' }, { type: 'WorkflowFailed' });
    expect(run.step('a').error).toMatchObject({ code: 'invalid_input' });
  });

  it('hands the heartbeat of a failed attempt to the next one', () => {
    const run = given(workflow([agent('a', {}, retry(2))]), start());
    run.after(fail('a', {}, { heartbeat: { at: 7 } }), fire('retry:a#1'));
    expect(run.step('a')).toMatchObject({ status: 'scheduled', attempt: 2, heartbeat: { at: 7 } });
  });

  it('given back keeps its attempt, and is offered again', () => {
    const run = given(workflow([agent('a')]), start());
    run
      .when(giveBack('a'))
      .thenEvents(
        { type: 'StepReadied', step: 'a', attempt: 0 },
        { type: 'StepsScheduled', steps: [{ step: 'a', attempt: 1 }] },
      );
  });
});

describe('the contract in with.output', () => {
  const contract = { output: { type: 'object', required: ['verdict'] } };

  it('takes an output that keeps it', () => {
    const run = given(workflow([agent('a', contract)]), start());
    run
      .when(complete('a', { verdict: 'good' }))
      .thenEvents({ type: 'StepCompleted' }, { type: 'WorkflowCompleted' });
  });

  it('fails an attempt that breaks it, and recalls nothing: the report removed the task', () => {
    const run = given(workflow([agent('a', contract, retry(2))]), start());
    const when = run.when(complete('a', { remark: 'good' }));
    when.thenEvents(
      { type: 'ContractViolated', violations: [{ path: 'verdict', message: 'is required' }] },
      { type: 'StepAttemptFailed', step: 'a', attempt: 1 },
    );
    expect(effects(run, when).recall).toEqual([]);
  });
});

describe('the time limit of an agent', () => {
  it('is set when the task is offered, as a timer of the engine', () => {
    const run = given(workflow([limited]));
    const when = run.when(start());
    expect(effects(run, when).timers).toEqual([
      { timerId: 'timeout:a#1', dueAtMs: START_MS + HOUR_MS },
    ]);
    expect(run.step('a').dueAtMs).toBe(START_MS + HOUR_MS);
  });

  it('ends the attempt and asks the task back', () => {
    const run = given(workflow([limited]), start()).elapse(HOUR_MS);
    const when = run.when(fire('timeout:a#1'));
    when.thenEvents({ type: 'StepFailed', step: 'a', attempt: 1 }, { type: 'WorkflowFailed' });
    expect(run.step('a').error).toEqual({
      code: 'timeout',
      message: 'no result within 3600000 ms of being offered',
    });
    expect(effects(run, when).recall).toEqual(['a']);
  });

  it('refuses the report that comes after it', () => {
    const run = given(workflow([limited, work('b')]), start(), fire('timeout:a#1'));
    run.when(complete('a')).thenRefused('stale_attempt');
  });

  it('is followed by a retry, whose attempt has a limit of its own', () => {
    const run = given(workflow([agent('a', {}, { timeout: '1h', ...retry(2) })]), start());
    run.elapse(HOUR_MS).when(fire('timeout:a#1')).thenEvents({ type: 'StepAttemptFailed' });
    expect(run.step('a').dueAtMs).toBe(run.nowMs + 1_000);
    run.elapse(1_000);
    const when = run.when(fire('retry:a#1'));
    expect(effects(run, when).timers).toEqual([
      { timerId: 'timeout:a#2', dueAtMs: run.nowMs + HOUR_MS },
    ]);
    run.when(fire('timeout:a#1')).thenNothing();
    expect(run.step('a').status).toBe('scheduled');
  });

  it('is no timer of a step that waits for its next attempt, nor of one that is over', () => {
    const run = given(
      workflow([agent('a', {}, { timeout: '1h', ...retry(2) }), work('b')]),
      start(),
    );
    run.after(fail('a'));
    run.when(fire('timeout:a#1')).thenNothing();
    run.after(fire('retry:a#1'), complete('a', null, 2));
    run.when(fire('timeout:a#2')).thenNothing();
    expect(run.step('a').status).toBe('completed');
  });

  it('is taken back by a report, which recalls nothing', () => {
    for (const report of [complete('a'), fail('a')]) {
      const run = given(workflow([limited]), start());
      const { cancelTimers, recall } = effects(run, run.when(report));
      expect(cancelTimers).toContain('timeout:a#1');
      expect(recall).toEqual([]);
    }
  });

  it('does not begin anew when the task is given back', () => {
    const run = given(workflow([limited]), start()).elapse(60_000);
    const when = run.when(giveBack('a'));
    expect(when.only('StepsScheduled').steps).toEqual([
      { step: 'a', attempt: 1, dueAtMs: START_MS + HOUR_MS },
    ]);
  });

  it('passed while a paused run held the task in line, ends the attempt when the run goes on', () => {
    const run = given(workflow([limited]), start(), pause, giveBack('a')).elapse(HOUR_MS);
    run.when(fire('timeout:a#1')).thenNothing();
    run
      .when(resume)
      .thenEvents({ type: 'WorkflowResumed' }, { type: 'StepFailed' }, { type: 'WorkflowFailed' });
    expect(run.step('a').error).toMatchObject({ code: 'timeout' });
  });

  it('ends an attempt of a paused run, too', () => {
    const run = given(workflow([limited]), start(), pause);
    run.when(fire('timeout:a#1')).thenEvents({ type: 'StepFailed' }, { type: 'WorkflowFailed' });
  });
});

describe('an unsafe agent step', () => {
  const unsafe = agent('a', {}, { effect: 'unsafe', timeout: '1h', ...retry(3) });

  it('that was begun waits for a decision when its time is up', () => {
    const run = given(workflow([unsafe]), start(), begin('a'));
    const when = run.when(fire('timeout:a#1'));
    when.thenEvents({ type: 'StepOutcomeUnknown', step: 'a', attempt: 1 });
    expect(effects(run, when).recall).toEqual(['a']);
    run.when(complete('a')).thenRefused('stale_attempt');
  });

  it('that was not begun is retried when its time is up', () => {
    const run = given(workflow([unsafe]), start());
    run.when(fire('timeout:a#1')).thenEvents({ type: 'StepAttemptFailed' });
  });

  it('resolved to run again has a whole limit again', () => {
    const run = given(workflow([unsafe]), start(), begin('a'), reportUnknown('a')).elapse(HOUR_MS);
    const when = run.when({ type: 'ResolveStep', step: 'a', resolution: 'retry' });
    expect(when.only('StepsScheduled').steps).toEqual([
      { step: 'a', attempt: 2, dueAtMs: run.nowMs + HOUR_MS },
    ]);
  });
});

describe('cancelling a run with agents at work', () => {
  it('does not wait for them, and asks their tasks back', () => {
    const run = given(workflow([agent('a'), agent('b')]), start());
    const when = run.when(cancel);
    when.thenEvents(
      { type: 'CancellationRequested' },
      { type: 'StepsCancelled', steps: [{ step: 'a', attempt: 1 }] },
      { type: 'StepsCancelled', steps: [{ step: 'b', attempt: 1 }] },
      { type: 'WorkflowCancelled' },
    );
    expect(effects(run, when).recall).toEqual(['a', 'b']);
    run.when(complete('a')).thenRefused('stale_attempt');
    run.when(reportCancelled('a')).thenNothing();
  });

  it('waits for workers beside them', () => {
    const run = given(workflow([agent('a'), work('w')]), start(), cancel);
    expect([run.status, run.step('a').status]).toEqual(['cancelling', 'cancelled']);
    run
      .when(reportCancelled('w'))
      .thenEvents({ type: 'StepsCancelled' }, { type: 'WorkflowCancelled' });
  });

  it('says that an unsafe effect was under way', () => {
    const run = given(workflow([agent('a', {}, { effect: 'unsafe' })]), start(), begin('a'));
    run
      .when(cancel)
      .thenEvents(
        { type: 'CancellationRequested' },
        { type: 'StepOutcomeUnknown', reason: 'cancelled while an agent had it' },
        { type: 'WorkflowCancelled' },
      );
  });

  it('cancels the timer of the time limit', () => {
    const run = given(workflow([limited]), start());
    expect(effects(run, run.when(cancel)).cancelTimers).toContain('timeout:a#1');
  });
});

describe('one commit for several commands', () => {
  it('never recalls the task that it enqueues', () => {
    const run = given(workflow([agent('a', {}, { effect: 'unsafe', timeout: '1h' })]), start());
    run.after(begin('a'));
    const before = run.history.length;
    run.after(fire('timeout:a#1'), { type: 'ResolveStep', step: 'a', resolution: 'retry' });
    const events = run.history.slice(before).map(({ event }) => event);
    expect(effectsOf(run.plan, events, () => [])).toMatchObject({
      enqueue: [{ slot: 'a', attempt: 2 }],
      recall: [],
    });
  });
});
