import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import {
  complete,
  fail,
  fire,
  given,
  pass,
  retry,
  signal,
  start,
  work,
  workflow,
} from '../support/given.ts';

const after = (need: string, condition?: string, more: JsonObject = {}): JsonObject => ({
  needs: [need],
  ...(condition !== undefined && { if: condition }),
  ...more,
});

describe('if', () => {
  it('skips a step whose condition does not hold, without failing the run', () => {
    const run = given(workflow([pass('a', { if: '${{ input.go }}' })]));
    run
      .when(start({ go: false }))
      .thenEvents(
        { type: 'WorkflowStarted' },
        { type: 'StepsSkipped', steps: [{ step: 'a', reason: 'condition' }] },
        { type: 'WorkflowCompleted' },
      );
  });

  it('reads false, true and conditions without braces', () => {
    const run = given(
      workflow([
        pass('a', { if: false }),
        pass('b', { if: true }),
        pass('c', { if: 'input.n > 2' }),
        pass('d', { if: 'input.n > 3' }),
      ]),
      start({ n: 3 }),
    );
    expect(run.statuses()).toEqual({ a: 'skipped', b: 'completed', c: 'completed', d: 'skipped' });
  });

  it('counts a step skipped by its own condition as success for what needs it', () => {
    const run = given(workflow([pass('a', { if: false }), pass('b', after('a'))]), start());
    expect(run.statuses()).toEqual({ a: 'skipped', b: 'completed' });
    expect(run.status).toBe('completed');
  });

  it('evaluates a condition when the step becomes ready, not before', () => {
    const run = given(
      workflow([work('a'), work('b', after('a', '${{ steps.a.output.ok }}'))]),
      start(),
    );
    run.after(complete('a', { ok: true }));
    expect(run.step('b').status).toBe('scheduled');
  });

  it('fails the step when a condition is neither true nor false', () => {
    const run = given(workflow([pass('a', { if: '${{ input.go }}' })]), start({ go: 'yes' }));
    expect(run.step('a').error?.code).toBe('expression_error');
  });
});

describe('after a failure', () => {
  const table = workflow(
    [
      work('bad'),
      work('good'),
      pass('plain', after('bad')),
      pass('on_success', after('bad', '${{ success() }}')),
      pass('on_failure', after('bad', '${{ failure() }}')),
      pass('in_any_case', after('bad', '${{ always() }}')),
      pass('own_condition', after('bad', '${{ true }}')),
      pass('good_failure', after('good', '${{ failure() }}')),
      pass('good_always', after('good', '${{ always() }}')),
    ],
    { onFailure: 'continue' },
  );

  it('runs failure() and always() and skips the rest because of what came before', () => {
    const run = given(table, start(), fail('bad'), complete('good'));
    expect(run.statuses()).toEqual({
      bad: 'failed',
      good: 'completed',
      plain: 'skipped',
      on_success: 'skipped',
      on_failure: 'completed',
      in_any_case: 'completed',
      own_condition: 'skipped',
      good_failure: 'skipped',
      good_always: 'completed',
    });
    expect(run.step('plain').skipReason).toBe('upstream');
    expect(run.step('own_condition').skipReason).toBe('upstream');
    expect(run.step('good_failure').skipReason).toBe('condition');
    expect(run.status).toBe('failed');
  });

  it('skips everything downstream of a skipped step, and failure() sees it from afar', () => {
    const chain = workflow(
      [
        work('a'),
        pass('b', after('a')),
        pass('c', after('b')),
        pass('d', after('c', '${{ failure() }}')),
      ],
      { onFailure: 'continue' },
    );
    const run = given(chain, start(), fail('a'));
    expect(run.statuses()).toEqual({ a: 'failed', b: 'skipped', c: 'skipped', d: 'completed' });
  });

  it('treats a completed cleanup step as success for what needs it', () => {
    const run = given(
      workflow(
        [work('a'), pass('clean', after('a', '${{ always() }}')), pass('next', after('clean'))],
        {
          onFailure: 'continue',
        },
      ),
      start(),
      fail('a'),
    );
    expect(run.step('next').status).toBe('completed');
    expect(run.status).toBe('failed');
  });

  it('names the first failed step, its code and how many more there were in the error of the run', () => {
    const run = given(workflow([work('a'), work('b')]), start(), fail('b', { code: 'exit_9' }));
    const failed = run.when(fail('a')).only('WorkflowFailed');
    expect(failed.error).toEqual({
      code: 'step_failed',
      message: 'step "b" failed (and 1 more): it broke',
      details: { step: 'b', code: 'exit_9' },
    });
  });
});

describe('onFailure: stop', () => {
  const two = workflow([
    work('bad'),
    work('slow'),
    work('next', after('slow')),
    pass('clean', after('slow', '${{ always() }}')),
  ]);

  it('lets running steps finish, starts no others, and still cleans up', () => {
    const run = given(two, start());
    run.when(fail('bad')).thenEvents({ type: 'StepFailed', step: 'bad' });
    expect(run.statuses()).toMatchObject({ slow: 'scheduled', next: 'pending' });
    run
      .when(complete('slow'))
      .thenEvents(
        { type: 'StepCompleted', step: 'slow' },
        { type: 'StepCompleted', step: 'clean' },
        { type: 'StepsSkipped', steps: [{ step: 'next', reason: 'stopped' }] },
        { type: 'WorkflowFailed' },
      );
  });

  it('does not retry what runs elsewhere when it fails, too', () => {
    const run = given(workflow([work('bad'), work('other', retry(3))]), start(), fail('bad'));
    run
      .when(fail('other'))
      .thenEvents({ type: 'StepFailed', step: 'other' }, { type: 'WorkflowFailed' });
  });

  it('cancels what waits for time or a signal, and fails what waits for its next attempt', () => {
    const run = given(
      workflow([
        work('bad'),
        { id: 'pause', uses: 'wait', with: { for: '1h' } },
        { id: 'go', uses: 'signal', with: { name: 'go' } },
        work('again', retry(3)),
      ]),
      start(),
      fail('again', { code: 'exit_7' }),
    );
    run
      .when(fail('bad'))
      .thenEvents(
        { type: 'StepFailed', step: 'bad' },
        { type: 'StepsCancelled', steps: [{ step: 'pause', attempt: 1 }] },
        { type: 'StepsCancelled', steps: [{ step: 'go', attempt: 1 }] },
        { type: 'StepFailed', step: 'again', error: { code: 'exit_7', message: 'it broke' } },
        { type: 'WorkflowFailed' },
      );
  });

  it('leaves cleanup steps their waits, their retries and their signals', () => {
    const run = given(
      workflow([
        work('bad'),
        work('first'),
        { id: 'pause', uses: 'wait', with: { for: '1m' }, ...after('first', '${{ always() }}') },
        work('clean', { ...after('first', '${{ always() }}'), ...retry(2) }),
        {
          id: 'told',
          uses: 'signal',
          with: { name: 'told' },
          ...after('first', '${{ always() }}'),
        },
      ]),
      start(),
      complete('first'),
      fail('bad'),
    );
    expect(run.statuses()).toMatchObject({ pause: 'waiting', clean: 'scheduled', told: 'waiting' });
    run.when(fail('clean')).thenEvents({ type: 'StepAttemptFailed', step: 'clean' });
    run.after(
      fire('retry:clean#1'),
      complete('clean', null, 2),
      fire('wait:pause#1'),
      signal('told'),
    );
    expect(run.statuses()).toMatchObject({
      pause: 'completed',
      clean: 'completed',
      told: 'completed',
    });
    expect(run.status).toBe('failed');
  });

  it('does not start a step again whose retry was in line when another step failed', () => {
    const crowd = Array.from({ length: 64 }, (_, at) => work(`s${at}`));
    const run = given(workflow([work('again', retry(3)), ...crowd]), start(), fail('again'));
    run.after(fire('retry:again#1'));
    expect(run.step('again').status).toBe('ready');
    run.after(fail('s0'));
    expect(run.step('again')).toMatchObject({ status: 'failed', attempt: 1 });
  });
});

describe('onFailure: continue', () => {
  it('goes on with what does not depend on the failure, waits and retries included', () => {
    const run = given(
      workflow(
        [
          work('bad'),
          work('other', retry(2)),
          work('more', after('other')),
          { id: 'pause', uses: 'wait', with: { for: '1h' } },
        ],
        { onFailure: 'continue' },
      ),
      start(),
      fail('bad'),
      fail('other'),
      fire('retry:other#1'),
      complete('other', null, 2),
    );
    expect(run.statuses()).toEqual({
      bad: 'failed',
      other: 'completed',
      more: 'scheduled',
      pause: 'waiting',
    });
    run.after(fire('wait:pause#1'));
    run.when(complete('more')).thenEvents({ type: 'StepCompleted' }, { type: 'WorkflowFailed' });
  });
});
