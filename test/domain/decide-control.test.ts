import { describe, expect, it } from 'vitest';
import {
  cancel,
  complete,
  fail,
  fire,
  given,
  giveBack,
  pass,
  pause,
  reportCancelled,
  reportUnknown,
  resume,
  retry,
  signal,
  start,
  work,
  workflow,
  begin,
} from '../support/given.ts';

const chain = workflow([work('a'), work('b', { needs: ['a'] })]);

describe('pause', () => {
  it('stops new steps and lets running ones finish', () => {
    const run = given(chain, start());
    run
      .when({ type: 'PauseWorkflow', reason: 'lunch' })
      .thenEvents({ type: 'WorkflowPaused', reason: 'lunch' });
    expect(run.state.run).toMatchObject({ status: 'paused', reason: 'lunch' });
    run.when(complete('a')).thenEvents({ type: 'StepCompleted' });
    expect(run.step('b').status).toBe('ready');
  });

  it('changes nothing when asked twice', () => {
    given(chain, start(), pause).when(pause).thenNothing();
  });

  it('puts a task that a worker gives back in line again, without using up an attempt', () => {
    const run = given(chain, start(), pause);
    run.when(giveBack('a')).thenEvents({ type: 'StepReadied', step: 'a', attempt: 0 });
    expect(run.state.run.stepsInFlight).toBe(0);
    run
      .when(resume)
      .thenEvents(
        { type: 'WorkflowResumed' },
        { type: 'StepsScheduled', steps: [{ step: 'a', attempt: 1 }] },
      );
  });

  it('keeps the number of a later attempt that is given back', () => {
    const run = given(
      workflow([work('a', retry(3))]),
      start(),
      fail('a'),
      fire('retry:a#1'),
      pause,
    );
    run.after(giveBack('a', 2), resume);
    expect(run.step('a')).toMatchObject({ status: 'scheduled', attempt: 2 });
  });

  it('lets a run end whose last step finishes meanwhile', () => {
    const run = given(workflow([work('a')]), start(), pause, complete('a'));
    expect(run.status).toBe('completed');
  });

  it('does not skip or start engine steps either', () => {
    const run = given(
      workflow([work('a'), pass('b', { needs: ['a'] }), pass('c', { needs: ['a'], if: false })]),
      start(),
      pause,
      complete('a'),
    );
    expect(run.statuses()).toEqual({ a: 'completed', b: 'ready', c: 'ready' });
    run.after(resume);
    expect(run.statuses()).toEqual({ a: 'completed', b: 'completed', c: 'skipped' });
  });
});

describe('resume', () => {
  it('changes nothing for a run that is running', () => {
    given(chain, start()).when(resume).thenNothing();
  });

  it('says why', () => {
    const resumed = given(chain, start(), pause).when({ type: 'ResumeWorkflow', reason: 'back' });
    resumed.thenEvents({ type: 'WorkflowResumed', reason: 'back' });
  });

  it('starts all that came in line meanwhile', () => {
    const run = given(
      workflow([work('a'), work('b', { needs: ['a'] }), work('c', { needs: ['a'] })]),
      start(),
      pause,
      complete('a'),
    );
    const { steps } = run.when(resume).only('StepsScheduled');
    expect(steps.map(({ step }) => step)).toEqual(['b', 'c']);
  });
});

describe('cancel', () => {
  it('ends a run at once when no worker holds a step', () => {
    const run = given(
      workflow([{ id: 'a', uses: 'wait', with: { for: '1d' } }, work('b', { needs: ['a'] })]),
      start(),
    );
    run
      .when({ type: 'CancelWorkflow', reason: 'wrong branch' })
      .thenEvents(
        { type: 'CancellationRequested', reason: 'wrong branch' },
        { type: 'StepsCancelled', steps: [{ step: 'a', attempt: 1 }] },
        { type: 'WorkflowCancelled' },
      );
    expect(run.statuses()).toEqual({ a: 'cancelled', b: 'cancelled' });
    expect(run.state.run).toMatchObject({
      status: 'cancelled',
      openSteps: 0,
      reason: 'wrong branch',
    });
  });

  it('waits for held steps to report before it ends', () => {
    const run = given(workflow([work('a'), work('b')]), start());
    run.when(cancel).thenEvents({ type: 'CancellationRequested' });
    run
      .when(reportCancelled('a'))
      .thenEvents({ type: 'StepsCancelled', steps: [{ step: 'a', attempt: 1 }] });
    expect(run.status).toBe('cancelling');
    run
      .when(reportCancelled('b'))
      .thenEvents({ type: 'StepsCancelled' }, { type: 'WorkflowCancelled' });
  });

  it('keeps the result of a step that finished in spite of it, and starts nothing after it', () => {
    const run = given(chain, start(), cancel);
    run
      .when(complete('a', 'done'))
      .thenEvents({ type: 'StepCompleted' }, { type: 'WorkflowCancelled' });
    expect(run.statuses()).toEqual({ a: 'completed', b: 'cancelled' });
    expect(run.step('a').output).toBe('done');
  });

  it('retries nothing: a step that fails meanwhile has failed, one between attempts, too', () => {
    const run = given(
      workflow([work('a', retry(5)), work('b', retry(5))], { onFailure: 'continue' }),
      start(),
      fail('b', { code: 'exit_4' }),
    );
    run
      .when(cancel)
      .thenEvents(
        { type: 'CancellationRequested' },
        { type: 'StepFailed', step: 'b', error: { code: 'exit_4', message: 'it broke' } },
      );
    run
      .when(fail('a'))
      .thenEvents({ type: 'StepFailed', step: 'a' }, { type: 'WorkflowCancelled' });
    expect(run.status).toBe('cancelled');
  });

  it('ends several waits and retries of a run that stops on failure, each once', () => {
    const run = given(
      workflow([
        work('a', retry(5)),
        work('b', retry(5)),
        { id: 'w', uses: 'wait', with: { for: '1h' } },
        { id: 's', uses: 'signal', with: { name: 'go' } },
      ]),
      start(),
      fail('a'),
      fail('b'),
      cancel,
    );
    expect(run.statuses()).toEqual({ a: 'failed', b: 'failed', w: 'cancelled', s: 'cancelled' });
    expect(run.status).toBe('cancelled');
  });

  it('does not wait for the decision on a step whose outcome is unknown', () => {
    const run = given(
      workflow([work('a', { effect: 'unsafe' })]),
      start(),
      begin('a'),
      reportUnknown('a'),
    );
    run.when(cancel).thenEvents({ type: 'CancellationRequested' }, { type: 'WorkflowCancelled' });
    expect(run.step('a').status).toBe('cancelled');
  });

  it('counts a step whose outcome becomes unknown as no longer held', () => {
    const run = given(workflow([work('a', { effect: 'unsafe' })]), start(), begin('a'), cancel);
    run
      .when(reportUnknown('a'))
      .thenEvents({ type: 'StepOutcomeUnknown' }, { type: 'WorkflowCancelled' });
  });

  it('takes back a task without starting it again', () => {
    const run = given(chain, start(), cancel);
    run.when(giveBack('a')).thenEvents({ type: 'StepReadied' }, { type: 'WorkflowCancelled' });
    expect(run.step('a').status).toBe('cancelled');
  });

  it('cancels a paused run', () => {
    const run = given(chain, start(), pause, cancel, reportCancelled('a'));
    expect(run.status).toBe('cancelled');
  });

  it('changes nothing when asked twice', () => {
    given(chain, start(), cancel).when(cancel).thenNothing();
  });

  it.each([pause, resume, signal('go')])('refuses $type from then on', (command) => {
    given(chain, start(), cancel).when(command).thenRefused('cancelling');
  });

  it('handles a timer that fires meanwhile without an event', () => {
    const run = given(
      workflow([work('a'), { id: 'w', uses: 'wait', with: { for: '1s' } }]),
      start(),
      cancel,
    );
    run.when(fire('wait:w#1')).thenNothing();
  });
});

describe('a report of cancellation that nobody asked for', () => {
  it('leaves the step as it is', () => {
    const run = given(chain, start());
    run.when(reportCancelled('a')).thenNothing();
    expect(run.step('a').status).toBe('scheduled');
  });
});

describe('a finished run', () => {
  const ends = {
    completed: () => given(workflow([work('a')]), start(), complete('a')),
    failed: () => given(workflow([work('a')]), start(), fail('a')),
    cancelled: () => given(workflow([work('a')]), start(), cancel, reportCancelled('a')),
  };
  const controls = [
    pause,
    resume,
    cancel,
    signal('go'),
    { type: 'ResolveStep', step: 'a', resolution: 'retry' } as const,
  ];

  describe.each(Object.entries(ends))('that is %s', (status, make) => {
    it.each(controls)('refuses $type', (command) => {
      make()
        .when(command)
        .thenRefused('already_finished', new RegExp(`already ${status}`));
    });

    it.each([complete('a'), fail('a'), begin('a'), reportUnknown('a')])(
      'refuses a late $type',
      (command) => {
        make().when(command).thenRefused('stale_attempt');
      },
    );

    it.each([giveBack('a'), reportCancelled('a'), fire('retry:a#1')])(
      'handles a late $type without an event',
      (command) => {
        make().when(command).thenNothing();
      },
    );

    it('cannot be started again', () => {
      make().when(start()).thenRefused('already_exists');
    });
  });
});
