import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { MAX_BUFFERED_SIGNALS } from '../../src/domain/limits.ts';
import {
  complete,
  fire,
  given,
  pass,
  pause,
  resume,
  retry,
  signal,
  start,
  START_MS,
  work,
  workflow,
} from '../support/given.ts';

const wait = (id: string, input: JsonObject, more: JsonObject = {}): JsonObject => ({
  id,
  uses: 'wait',
  with: input,
  ...more,
});
const told = (id: string, name: string, more: JsonObject = {}): JsonObject => ({
  id,
  uses: 'signal',
  with: { name },
  ...more,
});

describe('wait', () => {
  it('lasts as long as it says, from when it begins', () => {
    const run = given(workflow([wait('a', { for: '1h30m' })]));
    run
      .when(start())
      .thenEvents(
        { type: 'WorkflowStarted' },
        { type: 'StepWaiting', step: 'a', attempt: 1, dueAtMs: START_MS + 5_400_000 },
      );
    run.elapse(5_400_000);
    run
      .when(fire('wait:a#1'))
      .thenEvents(
        { type: 'StepCompleted', step: 'a', output: { waitedUntil: '2023-11-14T23:43:20.000Z' } },
        { type: 'WorkflowCompleted' },
      );
  });

  it('lasts until a given time, which expressions may compute', () => {
    const run = given(workflow([wait('a', { until: '${{ input.at }}' })]));
    const { dueAtMs } = run.when(start({ at: '2030-01-01T00:00:00+01:00' })).only('StepWaiting');
    expect(dueAtMs).toBe(Date.parse('2029-12-31T23:00:00Z'));
  });

  it('waits for its timer even when the time is already past', () => {
    const run = given(workflow([wait('a', { until: '2001-01-01T00:00:00Z' })]), start());
    expect(run.step('a').status).toBe('waiting');
    run.after(fire('wait:a#1'));
    expect(run.status).toBe('completed');
  });

  it('ends while the run is paused, and what follows stays in line', () => {
    const run = given(
      workflow([wait('a', { for: '1s' }), work('b', { needs: ['a'] })]),
      start(),
      pause,
    );
    run.when(fire('wait:a#1')).thenEvents({ type: 'StepCompleted', step: 'a' });
    expect(run.step('b').status).toBe('ready');
    run.when(resume).thenEvents({ type: 'WorkflowResumed' }, { type: 'StepsScheduled' });
  });

  it('is not ended by a timer of another purpose', () => {
    const run = given(workflow([wait('a', { for: '1s' })]), start());
    run.when(fire('retry:a#1')).thenNothing();
    run.when(fire('wait:a#2')).thenNothing();
    expect(run.step('a').status).toBe('waiting');
  });
});

describe('signal', () => {
  it('wakes the step that waits for it, which answers the payload', () => {
    const run = given(workflow([told('a', 'go'), work('b', { needs: ['a'] })]), start());
    run
      .when(signal('go', { by: 'me' }))
      .thenEvents(
        { type: 'SignalReceived', name: 'go', payload: { by: 'me' } },
        { type: 'StepCompleted', step: 'a', output: { by: 'me' }, consumedSignal: 'go' },
        { type: 'StepsScheduled', steps: [{ step: 'b', attempt: 1 }] },
      );
    expect(run.state.run.signals).toEqual([]);
  });

  it('that came before its step is kept for it, in the order of arrival', () => {
    const run = given(
      workflow([work('a'), told('b', 'go', { needs: ['a'] }), told('c', 'go', { needs: ['b'] })]),
      start(),
    );
    run.when(signal('go', 1)).thenEvents({ type: 'SignalReceived' });
    run.after(signal('other', 'x'), signal('go', 2), complete('a'));
    expect([run.step('b').output, run.step('c').output]).toEqual([1, 2]);
    expect(run.state.run.signals).toEqual([{ name: 'other', payload: 'x' }]);
    expect(run.status).toBe('completed');
  });

  it('wakes only one of two steps that wait for the same name: the first in the definition', () => {
    const run = given(workflow([told('a', 'go'), told('b', 'go')]), start());
    run.after(signal('go', 'first'));
    expect(run.statuses()).toEqual({ a: 'completed', b: 'waiting' });
    run.after(signal('go', 'second'));
    expect(run.step('b').output).toBe('second');
  });

  it('of another name leaves the step waiting', () => {
    const run = given(workflow([told('a', 'go')]), start(), signal('stop'));
    expect(run.step('a').status).toBe('waiting');
  });

  it('takes its name from expressions', () => {
    const run = given(workflow([told('a', 'go-${{ input.n }}')]), start({ n: 3 }), signal('go-3'));
    expect(run.status).toBe('completed');
  });

  it('wakes a step of a paused run; what follows stays in line', () => {
    const run = given(workflow([told('a', 'go'), pass('b', { needs: ['a'] })]), start(), pause);
    run.after(signal('go'));
    expect(run.statuses()).toEqual({ a: 'completed', b: 'ready' });
  });

  it('sets no timer without a timeout', () => {
    const waiting = given(workflow([told('a', 'go')]))
      .when(start())
      .only('StepWaiting');
    expect(waiting.dueAtMs).toBeUndefined();
  });

  it('fails its step when none came in time', () => {
    const run = given(workflow([told('a', 'go', { timeout: '1m' })]));
    expect(run.when(start()).only('StepWaiting').dueAtMs).toBe(START_MS + 60_000);
    run.when(fire('wait:a#1')).thenEvents({ type: 'StepFailed' }, { type: 'WorkflowFailed' });
    expect(run.step('a').error).toMatchObject({ code: 'signal_timeout' });
  });

  it('is waited for again by the policy of the step', () => {
    const run = given(workflow([told('a', 'go', { timeout: '1m', ...retry(2) })]), start());
    run
      .when(fire('wait:a#1'))
      .thenEvents({ type: 'StepAttemptFailed', retryAtMs: START_MS + 1_000 });
    run.after(signal('go', 'late'));
    expect(run.step('a').status).toBe('retrying');
    run
      .when(fire('retry:a#1'))
      .thenEvents(
        { type: 'StepReadied' },
        { type: 'StepCompleted', attempt: 2, output: 'late', consumedSignal: 'go' },
        { type: 'WorkflowCompleted' },
      );
  });

  it('that came in time beats a timer that fires afterwards', () => {
    const run = given(
      workflow([told('a', 'go', { timeout: '1m' }), work('b')]),
      start(),
      signal('go'),
    );
    run.when(fire('wait:a#1')).thenNothing();
    expect(run.step('a').status).toBe('completed');
  });

  it(`is refused when ${MAX_BUFFERED_SIGNALS} wait unused, unless a step waits for it`, () => {
    const run = given(workflow([work('a'), told('b', 'go')]), start());
    for (let sent = 0; sent < MAX_BUFFERED_SIGNALS; sent += 1)
      run.fold({ type: 'SignalReceived', name: 'spam', payload: sent });
    run.when(signal('spam')).thenRefused('signal_buffer_full');
    run.after(signal('go'));
    expect(run.step('b').status).toBe('completed');
  });
});

describe('fail', () => {
  it('fails its step with the message and code it was given', () => {
    const steps = [
      { id: 'a', uses: 'fail', with: { message: 'no ${{ input.what }}', code: 'no_luck' } },
    ];
    const run = given(workflow(steps), start({ what: 'way' }));
    expect(run.step('a').error).toEqual({ code: 'no_luck', message: 'no way' });
    expect(run.state.run.error?.message).toBe('step "a" failed: no way');
  });

  it('has a code of its own when it is given none', () => {
    const run = given(workflow([{ id: 'a', uses: 'fail', with: { message: 'no' } }]), start());
    expect(run.step('a').error?.code).toBe('failed_by_workflow');
  });
});
