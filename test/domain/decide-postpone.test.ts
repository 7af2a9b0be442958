import { describe, expect, it } from 'vitest';
import type { PostponeStep } from '../../src/domain/commands.ts';
import { effectsOf } from '../../src/domain/effects.ts';
import { MAX_POSTPONEMENTS } from '../../src/domain/limits.ts';
import {
  begin,
  cancel,
  complete,
  fail,
  fire,
  given,
  pass,
  pause,
  resume,
  retry,
  start,
  START_MS,
  work,
  workflow,
  type Scenario,
} from '../support/given.ts';

const down = { target: 'host:api', sinceMs: START_MS - 5_000, reason: 'HTTP 503' };

function putOff(step = 'a', more: Partial<PostponeStep> = {}): PostponeStep {
  return { type: 'PostponeStep', step, attempt: 1, delayMs: 2_000, ...down, ...more };
}

/** So often in a row, each time offered again. */
function postponed(run: Scenario, times: number): Scenario {
  for (let count = 1; count <= times; count += 1)
    run.after(putOff(), fire(`postpone:a#1.${count}`));
  return run;
}

describe('an attempt whose target is down', () => {
  it('is put off, in an event that says why and until when', () => {
    const run = given(workflow([work('a')]), start());
    run.elapse(10);
    const decided = run.when(putOff());
    decided.thenEvents({
      type: 'StepPostponed',
      ...{ step: 'a', attempt: 1, count: 1, ...down },
      untilMs: START_MS + 2_010,
    });
    expect(effectsOf(run.plan, decided.accepted(), () => []).timers).toEqual([
      { timerId: 'postpone:a#1.1', dueAtMs: START_MS + 2_010 },
    ]);
    expect(run.step('a')).toMatchObject({
      status: 'retrying',
      attempt: 0,
      dueAtMs: START_MS + 2_010,
      postponed: { ...down, count: 1 },
    });
    expect(run.state.run.stepsInFlight).toBe(0);
  });

  it('is offered again as the same attempt, which then may complete', () => {
    const run = given(workflow([work('a')]), start(), putOff());
    run
      .when(fire('postpone:a#1.1'))
      .thenEvents(
        { type: 'StepReadied', step: 'a', attempt: 0 },
        { type: 'StepsScheduled', steps: [{ step: 'a', attempt: 1 }] },
      );
    run
      .when(complete('a', 'done'))
      .thenEvents({ type: 'StepCompleted' }, { type: 'WorkflowCompleted' });
    expect(run.step('a').postponed).toBeUndefined();
  });

  it('keeps all of its retries, and its input', () => {
    const definition = workflow([
      pass('p'),
      work('a', {
        needs: ['p'],
        with: { command: ['echo', '${{ steps.p.output.done }}'] },
        ...retry(2),
      }),
    ]);
    const run = postponed(given(definition, start()), 3);
    expect(run.step('a').input).toEqual({ command: ['echo', 'p'] });
    run.when(fail('a')).thenEvents({ type: 'StepAttemptFailed', attempt: 1 });
    run.after(fire('retry:a#1'), putOff('a', { attempt: 2 }));
    expect(run.step('a')).toMatchObject({ attempt: 1, error: { code: 'exit_1' } });
    run
      .when(fire('postpone:a#2.1'))
      .thenEvents(
        { type: 'StepReadied', attempt: 1 },
        { type: 'StepsScheduled', steps: [{ step: 'a', attempt: 2 }] },
      );
  });

  it('has a timer of its own each time; one of before does nothing', () => {
    const run = postponed(given(workflow([work('a')]), start()), 1).after(putOff());
    run.when(fire('postpone:a#1.1')).thenNothing();
    run.when(fire('retry:a#0')).thenNothing();
    expect(run.when(fire('postpone:a#1.2')).accepted()).toHaveLength(2);
  });

  it('leaves what was left behind to the next holder', () => {
    const run = given(workflow([work('a')]), start(), putOff('a', { heartbeat: { at: 7 } }));
    run.after(fire('postpone:a#1.1'), putOff());
    expect(run.step('a').heartbeat).toEqual({ at: 7 });
  });

  it('has failed when that happened too often: the policy decides', () => {
    const run = postponed(given(workflow([work('a', retry(2))]), start()), MAX_POSTPONEMENTS);
    const error = run.when(putOff()).only('StepAttemptFailed').error;
    expect(error).toMatchObject({ code: 'circuit_open' });
    expect(error.message).toMatch(/^host:api has failed since 2023-.*: HTTP 503$/);
    run.after(fire('retry:a#1'));
    run.when(putOff('a', { attempt: 2 })).thenEvents({ type: 'StepPostponed', count: 1 });
  });

  it('is given back to a run that wants no further attempts', () => {
    const two = workflow([work('a'), work('b')]);
    const stopping = given(two, start(), fail('b'));
    expect(
      stopping
        .when(putOff())
        .accepted()
        .map(({ type }) => type),
    ).toEqual(['StepReadied', 'StepsSkipped', 'WorkflowFailed']);
    given(two, start(), cancel, complete('b'))
      .when(putOff())
      .thenEvents({ type: 'StepReadied' }, { type: 'WorkflowCancelled' });
  });

  it('is dropped when the run stops while it waits: it has nothing to have failed with', () => {
    const two = workflow([work('a'), work('b')]);
    given(two, start(), putOff())
      .when(fail('b'))
      .thenEvents(
        { type: 'StepFailed', step: 'b' },
        { type: 'StepsCancelled' },
        { type: 'WorkflowFailed' },
      );
    given(two, start(), putOff(), complete('b'))
      .when(cancel)
      .thenEvents(
        { type: 'CancellationRequested' },
        { type: 'StepsCancelled' },
        { type: 'WorkflowCancelled' },
      );
  });

  it('waits on in a paused run, and begins when it is resumed', () => {
    const run = given(workflow([work('a')]), start(), pause, putOff());
    run.when(fire('postpone:a#1.1')).thenEvents({ type: 'StepReadied', attempt: 0 });
    run.when(resume).thenEvents({ type: 'WorkflowResumed' }, { type: 'StepsScheduled' });
  });

  it('that had begun an unsafe effect is not put off: nobody knows what became of it', () => {
    given(workflow([work('a', { effect: 'unsafe' })]), start(), begin('a'))
      .when(putOff())
      .thenEvents({ type: 'StepOutcomeUnknown' });
  });

  it('that is over is nobody’s', () => {
    given(workflow([work('a'), work('b')]), start(), complete('a'))
      .when(putOff())
      .thenNothing();
  });
});
