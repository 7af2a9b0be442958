import { describe, expect, it } from 'vitest';
import { HISTORY_RESERVE_EVENTS, MAX_HISTORY_EVENTS } from '../../src/domain/limits.ts';
import {
  cancel,
  complete,
  fail,
  given,
  pause,
  resume,
  retry,
  signal,
  start,
  work,
  workflow,
  type Scenario,
} from '../support/given.ts';

/** As if so many events had happened: the limit looks at the version alone. */
function withVersion(run: Scenario, version: number): Scenario {
  run.state.run = { ...run.state.run, version };
  return run;
}

describe('a run whose history is full', () => {
  const openEvents = MAX_HISTORY_EVENTS - HISTORY_RESERVE_EVENTS;
  const run = () =>
    withVersion(
      given(workflow([work('a', retry(3)), work('b', { needs: ['a'] })]), start()),
      openEvents,
    );

  it('refuses signals and pauses, and says so', () => {
    run()
      .when(signal('go'))
      .thenRefused('history_limit', new RegExp(`${openEvents} of ${MAX_HISTORY_EVENTS}`));
    run().when(pause).thenRefused('history_limit');
  });

  it('fails a step instead of retrying it', () => {
    run()
      .when(fail('a'))
      .thenEvents({ type: 'StepFailed' }, { type: 'StepsSkipped' }, { type: 'WorkflowFailed' });
  });

  it('still finishes its steps', () => {
    const full = run().after(complete('a'), complete('b'));
    expect(full.status).toBe('completed');
  });

  it('can still be resumed and cancelled', () => {
    const paused = withVersion(given(workflow([work('a')]), start(), pause), openEvents);
    paused.when(resume).thenEvents({ type: 'WorkflowResumed' });
    paused.when(cancel).thenEvents({ type: 'CancellationRequested' });
  });

  it('one event below the limit is not full', () => {
    const room = withVersion(run(), openEvents - 1);
    room.when(fail('a')).thenEvents({ type: 'StepAttemptFailed' });
    withVersion(run(), openEvents - 1)
      .when(signal('go'))
      .thenEvents({ type: 'SignalReceived' });
    withVersion(run(), openEvents - 1)
      .when(pause)
      .thenEvents({ type: 'WorkflowPaused' });
  });
});
