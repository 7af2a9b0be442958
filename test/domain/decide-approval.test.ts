import { describe, expect, it, test } from 'vitest';
import { parseDefinition } from '../../src/domain/definition.ts';
import { effectsOf } from '../../src/domain/effects.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import {
  approval,
  approve,
  cancel,
  fail,
  fire,
  given,
  pass,
  pause,
  refuse,
  resume,
  start,
  START_MS,
  work,
  workflow,
  type Scenario,
  type When,
} from '../support/given.ts';

const HOUR_MS = 3_600_000;
const after = (id: string, more: JsonObject = {}) => work(id, { needs: ['gate'], ...more });
const effects = ({ plan }: Scenario, when: When) => effectsOf(plan, when.accepted(), () => []);

/** A run that waits for the answer to its approval step `gate`. */
const asking = (input: JsonObject = {}, ...more: readonly JsonObject[]): Scenario =>
  given(workflow([approval('gate', input), after('ship'), ...more]), start());

describe('an approval step', () => {
  it('asks its question with the choice to approve, and waits', () => {
    const run = given(workflow([approval('gate', { question: 'Deploy ${{ input.version }}?' })]));
    const when = run.when(start({ version: '1.2' }));
    when.thenEvents(
      { type: 'WorkflowStarted' },
      { type: 'ApprovalRequested', approvalId: 'gate', step: 'gate', attempt: 1 },
    );
    const requested = when.only('ApprovalRequested');
    expect(requested.ask).toEqual({ question: 'Deploy 1.2?', choices: ['approve'] });
    expect(requested.dueAtMs).toBeUndefined();
    expect(effects(run, when).timers).toEqual([]);
    expect(run.step('gate').status).toBe('waiting');
    expect(run.state.run.awaitedPeople).toBe(1);
  });

  it('answered, has the choice, who made it and when as its output', () => {
    const run = asking().elapse(1_500);
    run.when(approve('gate', { comment: 'after lunch' })).thenEvents(
      {
        type: 'ApprovalResolved',
        approvalId: 'gate',
        attempt: 1,
        resolution: 'chosen',
        choice: 'approve',
        by: 'ann',
        via: 'terminal',
        comment: 'after lunch',
      },
      {
        type: 'StepCompleted',
        step: 'gate',
        output: {
          choice: 'approve',
          by: 'ann',
          at: '2023-11-14T22:13:21.500Z',
          comment: 'after lunch',
        },
      },
      { type: 'StepsScheduled', steps: [{ step: 'ship', attempt: 1 }] },
    );
    expect(run.state.run.awaitedPeople).toBe(0);
  });

  it('has the choice that was made where it offers several', () => {
    const run = asking({ choices: ['staging', 'production'] });
    run.after(approve('gate', { choice: 'production' }));
    expect(run.step('gate').output).toMatchObject({ choice: 'production' });
  });

  it('takes no answer that it does not offer, nor none where it offers several', () => {
    const run = asking({ choices: ['staging', 'production'] });
    run.when(approve('gate')).thenRefused('unknown_choice', /several choices/);
    run
      .when(approve('gate', { choice: 'approve' }))
      .thenRefused('unknown_choice', /no choice "approve"/);
    expect(run.step('gate').status).toBe('waiting');
  });

  it('takes answers of its approvers only', () => {
    const run = asking({ approvers: ['ann', 'bob'] });
    for (const answer of [approve('gate', { by: 'eve' }), refuse('gate', { by: 'eve' })])
      run.when(answer).thenRefused('not_an_approver', /"eve" may not.*ann, bob/);
    run.after(approve('gate', { by: 'bob' }));
    expect(run.step('gate').output).toMatchObject({ by: 'bob' });
  });

  it('rejected, has failed, and what depends on it is skipped', () => {
    const run = asking({}, after('after_all', { if: '${{ always() }}' }));
    run
      .when(refuse('gate', { comment: 'not on a Friday' }))
      .thenEvents(
        { type: 'ApprovalResolved', resolution: 'rejected', by: 'ann' },
        { type: 'StepFailed', step: 'gate', attempt: 1 },
        { type: 'StepsSkipped', steps: [{ step: 'ship', reason: 'upstream' }] },
        { type: 'StepsScheduled', steps: [{ step: 'after_all', attempt: 1 }] },
      );
    expect(run.step('gate').error).toEqual({
      code: 'rejected',
      message: 'rejected by ann: not on a Friday',
    });
  });

  it('may be a step that runs after a failure', () => {
    const clean = approval('clean', {}, { needs: ['a'], if: '${{ failure() }}' });
    const run = given(workflow([work('a'), clean]), start(), fail('a'));
    expect([run.status, run.step('clean').status]).toEqual(['running', 'waiting']);
    run
      .when(approve('clean'))
      .thenEvents(
        { type: 'ApprovalResolved' },
        { type: 'StepCompleted' },
        { type: 'WorkflowFailed' },
      );
  });

  it('is cancelled by the first failure of a run that stops, with its timer', () => {
    const run = asking({ expires: '1h' }, work('b'));
    const when = run.when(fail('b'));
    when.thenEvents(
      { type: 'StepFailed', step: 'b' },
      { type: 'StepsCancelled', steps: [{ step: 'gate', attempt: 1 }] },
      { type: 'StepsSkipped' },
      { type: 'WorkflowFailed' },
    );
    expect(effects(run, when).cancelTimers).toContain('wait:gate#1');
    expect(run.state.run.awaitedPeople).toBe(0);
  });

  it('still waits after a failure in a run that continues', () => {
    const gate = workflow([approval('gate'), work('b')], { onFailure: 'continue' });
    const run = given(gate, start(), fail('b'));
    expect(run.step('gate').status).toBe('waiting');
    run.after(approve('gate'));
    expect(run.status).toBe('failed');
  });

  it('is cancelled with its run', () => {
    const run = asking({ expires: '1h' });
    const when = run.when(cancel);
    when.thenEvents(
      { type: 'CancellationRequested' },
      { type: 'StepsCancelled', steps: [{ step: 'gate', attempt: 1 }] },
      { type: 'WorkflowCancelled' },
    );
    expect(effects(run, when).cancelTimers).toContain('wait:gate#1');
  });

  it('answers in a paused run, which starts what follows when it goes on', () => {
    const run = asking({}, pass('later', { needs: ['gate'] })).after(pause);
    run
      .when(approve('gate'))
      .thenEvents({ type: 'ApprovalResolved' }, { type: 'StepCompleted', step: 'gate' });
    expect(run.step('ship').status).toBe('ready');
    run.after(resume);
    expect(run.statuses()).toEqual({ gate: 'completed', ship: 'scheduled', later: 'completed' });
  });
});

describe('the expiry of an approval step', () => {
  const expiring = (): Scenario => asking({ expires: '1h', onExpire: 'reject' });

  it('is set when it asks', () => {
    const run = given(workflow([approval('gate', { expires: '1h' })]));
    const when = run.when(start());
    expect(effects(run, when).timers).toEqual([
      { timerId: 'wait:gate#1', dueAtMs: START_MS + HOUR_MS },
    ]);
  });

  it('fails the step', () => {
    const run = expiring().elapse(HOUR_MS);
    run.when(fire('wait:gate#1')).thenEvents(
      { type: 'ApprovalResolved', approvalId: 'gate', attempt: 1, resolution: 'expired' },
      {
        type: 'StepFailed',
        step: 'gate',
        error: { code: 'approval_expired', message: 'nobody answered in time' },
      },
      { type: 'StepsSkipped' },
      { type: 'WorkflowFailed' },
    );
    expect(run.state.run.awaitedPeople).toBe(0);
  });

  it('takes place in a paused run, too', () => {
    const run = expiring().after(pause, fire('wait:gate#1'));
    expect(run.step('gate').status).toBe('failed');
  });

  it('never comes by a timer of another purpose or attempt, nor without a time', () => {
    const run = expiring();
    for (const timerId of ['retry:gate#1', 'timeout:gate#1', 'wait:gate#2', 'approval:ask:1'])
      run.when(fire(timerId)).thenNothing();
    asking().when(fire('wait:gate#1')).thenNothing();
    expect(run.step('gate').status).toBe('waiting');
  });

  it('never comes after an answer, whose commit takes the timer back', () => {
    const run = expiring();
    expect(effects(run, run.when(approve('gate'))).cancelTimers).toContain('wait:gate#1');
    run.when(fire('wait:gate#1')).thenNothing();
    expect(run.step('gate').status).toBe('completed');
  });
});

describe('an answer that comes to nothing', () => {
  const ghost = 'unknown_approval';

  it('is taken until the time is up, and not after it, though no timer has fired yet', () => {
    const late = asking({ expires: '1h' }).elapse(3_600_000);
    late.when(approve('gate')).thenRefused('approval_expired', /2023-11-14T23:13:20/);
    late.when(fire('wait:gate#1')).only('ApprovalResolved');
    const inTime = asking({ expires: '1h' }).elapse(3_599_999);
    inTime.when(approve('gate')).accepted();
  });

  it('to an expired approval says so', () => {
    const run = asking({ expires: '1h' }).after(fire('wait:gate#1'));
    run.when(approve('gate')).thenRefused('approval_expired', /expired/);
  });

  it('to an answered approval is refused, and changes nothing', () => {
    for (const answer of [approve('gate'), refuse('gate')]) {
      const run = asking().after(answer);
      const before = run.history.length;
      run.when(approve('gate')).thenRefused('approval_resolved', /waits for nobody/);
      expect(run.history).toHaveLength(before);
    }
  });

  it('to an approval that is not asked yet names what it waits for', () => {
    const late = approval('late', {}, { needs: ['a'] });
    const run = given(workflow([work('a'), late]), start());
    run.when(approve('late')).thenRefused(ghost, /not asked yet: its step is pending/);
  });

  it('to an approval that stands in line in a paused run says so', () => {
    const late = approval('late', {}, { needs: ['gate'] });
    const run = asking({}, late).after(pause, approve('gate'));
    run.when(approve('late')).thenRefused(ghost, /its step is ready/);
  });

  it('to no approval, or to another kind of step, says that there is none', () => {
    const run = asking();
    for (const id of ['ghost', 'ship', 'ask:1']) run.when(approve(id)).thenRefused(ghost);
  });

  it('to an approval of a cancelled, skipped or stopped step says what became of it', () => {
    const cancelled = asking().after(cancel);
    cancelled.when(approve('gate')).thenRefused('approval_resolved', /its step is cancelled/);
    const skipped = given(workflow([approval('gate', {}, { if: false })]), start());
    skipped.when(approve('gate')).thenRefused('approval_resolved', /its step is skipped/);
  });

  it('in a run that is being cancelled says that no answer is needed', () => {
    const late = approval('late', {}, { needs: ['held'] });
    const run = given(workflow([work('held'), late]), start(), cancel);
    run.when(approve('late')).thenRefused('cancelling', /is being cancelled/);
    const first = approval('first', {}, { needs: ['gate'] });
    const paused = asking({}, first, work('held')).after(pause, approve('gate'), cancel);
    expect([paused.status, paused.step('first').status]).toEqual(['cancelling', 'ready']);
    paused.when(approve('first')).thenRefused('cancelling');
  });

  it('before the run started is refused', () => {
    given(workflow([approval('gate')]))
      .when(approve('gate'))
      .thenRefused('not_started');
  });
});

describe('an approval step is refused', () => {
  const errorsOf = (input: JsonObject) => {
    const parsed = parseDefinition(workflow([{ id: 'gate', uses: 'approval', with: input }]));
    return parsed.ok ? [] : parsed.errors;
  };
  const question = 'Go on?';

  test.each<[string, JsonObject, string, RegExp]>([
    ['without a question', {}, 'with.question', /is required/],
    ['with an empty question', { question: ' ' }, 'with.question', /./],
    ['with no choice', { question, choices: [] }, 'with.choices', /./],
    ['with one choice twice', { question, choices: ['a', ' a'] }, 'with.choices', /twice/],
    ['with rejecting as a choice', { question, choices: ['reject'] }, 'with.choices', /always/],
    ['with no approver', { question, approvers: [] }, 'with.approvers', /./],
    ['with no duration', { question, expires: 'soon' }, 'with.expires', /duration/],
    ['to approve by time alone', { question, onExpire: 'approve' }, 'with.onExpire', /./],
  ])('%s', (_, input, path, message) => {
    const errors = errorsOf(input);
    expect(errors).toMatchObject([{ path: `steps[0].${path}` }]);
    expect(errors[0]?.message).toMatch(message);
  });

  it('with settings that mean nothing to people', () => {
    const parsed = parseDefinition(
      workflow([approval('gate', {}, { timeout: '1h', retry: { maxAttempts: 2 } })]),
    );
    expect(parsed).toMatchObject({
      errors: [{ path: 'steps[0].timeout' }, { path: 'steps[0].retry' }],
    });
  });
});
