import { describe, expect, it } from 'vitest';
import type { Command } from '../../src/domain/commands.ts';
import {
  begin,
  complete,
  fail,
  fire,
  given,
  giveBack,
  pass,
  pause,
  reportUnknown,
  resume,
  retry,
  start,
  START_MS,
  work,
  workflow,
} from '../support/given.ts';

const unsafe = workflow([
  work('pay', { effect: 'unsafe', ...retry(3) }),
  pass('next', { needs: ['pay'] }),
]);
const resolve = (resolution: 'retry' | 'completed' | 'failed', more: object = {}): Command => ({
  type: 'ResolveStep',
  step: 'pay',
  resolution,
  ...more,
});

describe('an unsafe step', () => {
  it('records that its effect begins before it does', () => {
    const run = given(unsafe, start());
    run.when(begin('pay')).thenEvents({
      type: 'StepStarted',
      step: 'pay',
      attempt: 1,
      worker: 'w1',
      startedAtMs: START_MS,
    });
    expect(run.step('pay')).toMatchObject({ status: 'scheduled', begun: true });
  });

  it('may not begin a second time', () => {
    given(unsafe, start(), begin('pay')).when(begin('pay')).thenRefused('outcome_unknown');
  });

  it('completes or fails by its report like any other', () => {
    const done = given(unsafe, start(), begin('pay'), complete('pay'));
    expect(done.status).toBe('completed');
    expect(done.step('pay').begun).toBeUndefined();
    const failed = given(unsafe, start(), begin('pay'), fail('pay'), fire('retry:pay#1'));
    expect(failed.step('pay')).toMatchObject({ status: 'scheduled', attempt: 2, begun: undefined });
  });

  it('waits for a decision when nobody knows how it ended', () => {
    const run = given(unsafe, start(), begin('pay'));
    run.when(reportUnknown('pay')).thenEvents({
      type: 'StepOutcomeUnknown',
      step: 'pay',
      attempt: 1,
      reason: 'the worker vanished',
    });
    expect(run.statuses()).toEqual({ pay: 'unknown', next: 'pending' });
    expect(run.state.run.stepsInFlight).toBe(0);
    run.when(complete('pay')).thenRefused('stale_attempt');
    run.when(fire('retry:pay#1')).thenNothing();
  });

  it('is told as unknown when a paused run takes its task back', () => {
    const run = given(unsafe, start(), begin('pay'), pause);
    run.when(giveBack('pay')).thenEvents({ type: 'StepOutcomeUnknown', step: 'pay', attempt: 1 });
    expect(run.after(resume).step('pay').status).toBe('unknown');
  });

  it('fails for good when its output breaks the schema: the effect has happened', () => {
    const strict = { outputSchema: { type: 'string' } };
    const run = given(
      workflow([work('pay', { effect: 'unsafe', ...retry(3), ...strict })]),
      start(),
      begin('pay'),
    );
    run
      .when(complete('pay', 5))
      .thenEvents(
        { type: 'ContractViolated', step: 'pay' },
        { type: 'StepFailed', step: 'pay' },
        { type: 'WorkflowFailed' },
      );
  });
});

describe('the decision on an unknown outcome', () => {
  const unknown = () => given(unsafe, start(), begin('pay'), reportUnknown('pay'));

  it('"retry" runs the step again as a new attempt', () => {
    const run = unknown();
    run
      .when(resolve('retry'))
      .thenEvents(
        { type: 'StepReadied', step: 'pay', attempt: 1 },
        { type: 'StepsScheduled', steps: [{ step: 'pay', attempt: 2 }] },
      );
    run.when(begin('pay', 2)).thenEvents({ type: 'StepStarted', attempt: 2 });
  });

  it('"retry" waits in line while the run is paused', () => {
    const run = unknown().after(pause, resolve('retry'));
    expect(run.step('pay').status).toBe('ready');
    run.after(resume);
    expect(run.step('pay').status).toBe('scheduled');
  });

  it('"retry" is a person’s word: it runs the step even after another step failed', () => {
    const run = given(
      workflow([work('pay', { effect: 'unsafe' }), work('other')]),
      start(),
      begin('pay'),
      reportUnknown('pay'),
      fail('other'),
    );
    run.after(resolve('retry'));
    expect(run.step('pay')).toMatchObject({ status: 'scheduled', attempt: 2 });
  });

  it('"completed" records the given output and goes on', () => {
    unknown()
      .when(resolve('completed', { output: { receipt: 1 } }))
      .thenEvents(
        { type: 'StepCompleted', step: 'pay', output: { receipt: 1 } },
        { type: 'StepCompleted', step: 'next' },
        { type: 'WorkflowCompleted' },
      );
  });

  it('"completed" without an output records null', () => {
    const run = unknown().after(resolve('completed'));
    expect(run.step('pay').output).toBeNull();
  });

  it('"completed" with an output that breaks the schema is refused, because the effect must not run again', () => {
    const typed = workflow([
      work('pay', {
        effect: 'unsafe',
        ...retry(3),
        outputSchema: { type: 'object', required: ['id'] },
      }),
    ]);
    const run = given(typed, start(), begin('pay'), reportUnknown('pay'));
    run.when(resolve('completed', { output: {} })).thenRefused('invalid_input');
    expect(run.step('pay').status).toBe('unknown');
    run.after(resolve('completed', { output: { id: 'r1' } }));
    expect(run.status).toBe('completed');
  });

  it('"failed" ends the step without a retry', () => {
    const run = unknown();
    run
      .when(resolve('failed', { reason: 'the bank says no' }))
      .thenEvents(
        { type: 'StepFailed', error: { code: 'resolved_failed', message: 'the bank says no' } },
        { type: 'StepsSkipped', steps: [{ step: 'next', reason: 'upstream' }] },
        { type: 'WorkflowFailed' },
      );
  });

  it('"failed" needs no reason', () => {
    const run = unknown().after(resolve('failed'));
    expect(run.step('pay').error?.message).not.toBe('');
  });

  it('is refused for a step in any other state, and for one that does not exist', () => {
    given(unsafe, start())
      .when(resolve('retry'))
      .thenRefused('step_not_waiting_for_decision', /is scheduled/);
    unknown()
      .when({ type: 'ResolveStep', step: 'ghost', resolution: 'retry' })
      .thenRefused('unknown_step');
  });
});
