import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import {
  complete,
  fail,
  fire,
  given,
  pause,
  resume,
  retry,
  start,
  START_MS,
  work,
  workflow,
} from '../support/given.ts';

const twice = (more: JsonObject = {}): JsonObject =>
  workflow([work('a', { ...retry(3), ...more })]);

describe('retries', () => {
  it('wait by the policy, in an event that names the time', () => {
    const run = given(twice(), start());
    run.elapse(10);
    run.when(fail('a', { code: 'exit_2', details: { tail: 'oh' } })).thenEvents({
      type: 'StepAttemptFailed',
      step: 'a',
      attempt: 1,
      worker: 'w1',
      startedAtMs: START_MS,
      error: { code: 'exit_2', message: 'it broke', details: { tail: 'oh' } },
      retryAtMs: START_MS + 10 + 1_000,
    });
    expect(run.step('a')).toMatchObject({ status: 'retrying', dueAtMs: START_MS + 1_010 });
  });

  it('begin when the timer fires, as the next attempt, with growing delays, until the last fails', () => {
    const run = given(twice(), start(), fail('a'));
    run
      .when(fire('retry:a#1'))
      .thenEvents(
        { type: 'StepReadied', step: 'a', attempt: 1 },
        { type: 'StepsScheduled', steps: [{ step: 'a', attempt: 2 }] },
      );
    expect(run.when(fail('a', {}, { attempt: 2 })).only('StepAttemptFailed').retryAtMs).toBe(
      START_MS + 2_000,
    );
    run.after(fire('retry:a#2'));
    run
      .when(fail('a', {}, { attempt: 3 }))
      .thenEvents({ type: 'StepFailed', attempt: 3 }, { type: 'WorkflowFailed' });
    expect(run.step('a').attempt).toBe(3);
  });

  it('are not made without a policy', () => {
    given(workflow([work('a')]), start())
      .when(fail('a'))
      .thenEvents({ type: 'StepFailed', attempt: 1, worker: 'w1' }, { type: 'WorkflowFailed' });
  });

  it('take the policy of the definition where the step has none', () => {
    const defaults = {
      defaults: { retry: { maxAttempts: 2, initialDelay: '5s', jitter: 'none' } },
    };
    const run = given(workflow([work('a')], defaults), start());
    expect(run.when(fail('a')).only('StepAttemptFailed').retryAtMs).toBe(START_MS + 5_000);
  });

  it('are not made for codes that the policy names', () => {
    given(workflow([work('a', retry(5, { nonRetryable: ['exit_2'] }))]), start())
      .when(fail('a', { code: 'exit_2' }))
      .thenEvents({ type: 'StepFailed' }, { type: 'WorkflowFailed' });
  });

  it('are not made for permanent errors', () => {
    const failed = given(twice(), start()).when(fail('a', { permanent: true }));
    failed.thenEvents({ type: 'StepFailed' }, { type: 'WorkflowFailed' });
    // What only matters for the decision does not stand in the event.
    expect(failed.only('StepFailed').error).toEqual({ code: 'exit_1', message: 'it broke' });
  });

  it('come no earlier than the target asked for', () => {
    const run = given(twice(), start());
    const failed = run.when(fail('a', { retryAfterMs: 90_000 })).only('StepAttemptFailed');
    expect(failed.retryAtMs).toBe(START_MS + 90_000);
  });

  it('draw full jitter from the number passed in', () => {
    const run = given(twice(retry(3, { jitter: 'full' })), start());
    run.random = 0.25;
    expect(run.when(fail('a')).only('StepAttemptFailed').retryAtMs).toBe(START_MS + 250);
  });

  it('receive the last heartbeat of the failed attempt', () => {
    const run = given(twice(), start());
    run
      .when(fail('a', {}, { heartbeat: { page: 7 } }))
      .thenEvents({ type: 'StepAttemptFailed', heartbeat: { page: 7 } });
    run.after(fire('retry:a#1'));
    expect(run.step('a')).toMatchObject({ status: 'scheduled', heartbeat: { page: 7 } });
    run.after(complete('a', null, 2));
    expect(run.step('a').heartbeat).toBeUndefined();
  });

  it('evaluate the input again, for what it reads may have changed', () => {
    const run = given(
      workflow([work('a', { with: { command: ['true', '${{ env.TOKEN }}'] }, ...retry(2) })]),
    );
    run.env = { TOKEN: 'old' };
    run.after(start(), fail('a'));
    run.env = { TOKEN: 'new' };
    const { steps } = run.when(fire('retry:a#1')).only('StepsScheduled');
    expect(steps).toEqual([{ step: 'a', attempt: 2, input: { command: ['true', 'new'] } }]);
  });

  it('stay in line while the run is paused', () => {
    const run = given(twice(), start(), fail('a'), pause);
    run.when(fire('retry:a#1')).thenEvents({ type: 'StepReadied', step: 'a', attempt: 1 });
    expect(run.step('a').status).toBe('ready');
    run
      .when(resume)
      .thenEvents(
        { type: 'WorkflowResumed' },
        { type: 'StepsScheduled', steps: [{ step: 'a', attempt: 2 }] },
      );
  });

  it('forget the error of an earlier attempt once one completes', () => {
    const run = given(twice(), start(), fail('a'), fire('retry:a#1'), complete('a', 'fine', 2));
    expect(run.step('a')).toMatchObject({ status: 'completed', output: 'fine', attempt: 2 });
    expect(run.step('a').error).toBeUndefined();
    expect(run.status).toBe('completed');
  });
});

describe('reports about another attempt', () => {
  const run = () => given(twice(), start(), fail('a'), fire('retry:a#1'));

  it('are refused for one that ended', () => {
    run()
      .when(complete('a', null, 1))
      .thenRefused('stale_attempt', /Attempt 1/);
    run().when(fail('a')).thenRefused('stale_attempt');
    run()
      .when({ type: 'StartStep', step: 'a', attempt: 1, worker: 'w', startedAtMs: 0 })
      .thenRefused('stale_attempt');
    run()
      .when({ type: 'ReportUnknownOutcome', step: 'a', attempt: 1, reason: '?' })
      .thenRefused('stale_attempt');
  });

  it('are refused for one that is still to come, and for a step between two attempts', () => {
    run()
      .when(complete('a', null, 3))
      .thenRefused('stale_attempt');
    given(twice(), start(), fail('a'))
      .when(complete('a', null, 1))
      .thenRefused('stale_attempt');
  });

  it('are refused for a step that the workflow does not have', () => {
    run().when(complete('ghost')).thenRefused('stale_attempt');
  });

  it('are handled without an event when they only give the task back', () => {
    run().when({ type: 'ReturnStep', step: 'a', attempt: 1 }).thenNothing();
    run().when({ type: 'ReportCancelled', step: 'a', attempt: 2 }).thenNothing();
  });
});

describe('timers that no longer apply', () => {
  it.each(['retry:a#1', 'retry:a#3', 'wait:a#2', 'retry:ghost#1', 'nonsense', ''])(
    'are handled without an event: %s',
    (timerId) => {
      const run = given(twice(), start(), fail('a'), fire('retry:a#1'));
      run.when(fire(timerId)).thenNothing();
      expect(run.step('a')).toMatchObject({ status: 'scheduled', attempt: 2 });
    },
  );

  it('are handled without an event after the end of the run', () => {
    given(twice(), start(), complete('a')).when(fire('retry:a#1')).thenNothing();
  });
});
