import { describe, expect, it } from 'vitest';
import { effectsOf } from '../../src/domain/effects.ts';
import {
  agent,
  answerTask,
  cancel,
  fail,
  fire,
  given,
  handOver,
  pass,
  pause,
  resume,
  retry,
  start,
  START_MS,
  toAgent,
  toPerson,
  work,
  workflow,
  type Scenario,
} from '../support/given.ts';

const contract = { output: { type: 'object', required: ['verdict'] } };

/** A run whose step `a` waits for a person. */
const waiting = (name?: string, more = {}): Scenario =>
  given(
    workflow([agent('a', contract, more), work('w'), pass('b', { needs: ['a'] })]),
    start(),
    handOver('a', toPerson(name)),
  );

describe('a person who has a task', () => {
  it('completes it, from when it was handed over', () => {
    const run = waiting().elapse(60_000);
    const when = run.when(answerTask('a', { output: { verdict: 'good' } }));
    when.thenEvents(
      {
        type: 'StepCompleted',
        step: 'a',
        attempt: 1,
        output: { verdict: 'good' },
        worker: 'person:ann',
        startedAtMs: START_MS,
      },
      { type: 'StepCompleted', step: 'b' },
    );
    expect(effectsOf(run.plan, when.accepted(), () => []).recall).toEqual([]);
    expect(run.state.run.awaitedPeople).toBe(0);
    expect(run.step('a').handover).toBeUndefined();
  });

  it('is told what is wrong with an output against the contract, and still has the task', () => {
    const run = waiting();
    for (const more of [{}, { output: 'good' }, { output: { verdicts: 1 } }]) {
      const { ruling } = run.when(answerTask('a', more));
      expect(ruling).toMatchObject({
        kind: 'rejected',
        rejection: { code: 'invalid_input', violations: [{}] },
      });
    }
    expect(run.step('a').status).toBe('waiting');
    run.after(answerTask('a', { output: { verdict: 'bad' } }));
    expect(run.step('a').status).toBe('completed');
  });

  it('declares it failed, with or without a reason', () => {
    const run = waiting();
    const failed = run
      .when(answerTask('a', { resolution: 'failed', reason: 'no such branch' }))
      .only('StepFailed');
    expect(failed).toMatchObject({
      worker: 'person:ann',
      error: { code: 'failed_by_person', message: 'no such branch' },
    });
    const silent = waiting().after(answerTask('a', { resolution: 'failed' }));
    expect(silent.step('a').error?.message).toBe('ann declared it failed');
  });

  it('whose failure is retried sees it offered to agents again', () => {
    const run = waiting(undefined, retry(2)).after(answerTask('a', { resolution: 'failed' }));
    expect(run.step('a').status).toBe('retrying');
    const when = run.when(fire('retry:a#1'));
    expect(effectsOf(run.plan, when.accepted(), () => []).enqueue).toEqual([
      { slot: 'a', attempt: 2, queue: 'agent:review' },
    ]);
  });

  it('answers in a paused run, too', () => {
    const run = waiting().after(pause, answerTask('a', { output: { verdict: 'good' } }));
    expect(run.statuses()).toEqual({ a: 'completed', w: 'scheduled', b: 'ready' });
    run.after(resume);
    expect(run.step('b').status).toBe('completed');
  });
});

describe('the result of a person is refused', () => {
  const answer = answerTask('a', { output: { verdict: 'good' } });

  it('from somebody else than the one it was handed to', () => {
    const run = waiting('bob');
    run.when(answer).thenRefused('not_an_approver', /handed to "bob", not to "ann"/);
    run.when(answerTask('a', { resolution: 'failed' })).thenRefused('not_an_approver');
    run.after(answerTask('a', { output: { verdict: 'good' }, by: 'bob' }));
    expect(run.step('a').status).toBe('completed');
  });

  it('for a task that agents have, or have again', () => {
    const run = given(workflow([agent('a'), work('w')]), start());
    run.when(answer).thenRefused('not_with_a_person', /is scheduled/);
    run.when(answerTask('w')).thenRefused('not_with_a_person');
    run.after(handOver('a', toPerson()), handOver('a', toAgent('b')));
    run.when(answer).thenRefused('not_with_a_person');
  });

  it('for a step that waits for something else', () => {
    const gate = { id: 'gate', uses: 'approval', with: { question: 'Go on?' } };
    const run = given(workflow([gate]), start());
    run.when(answerTask('gate')).thenRefused('not_with_a_person', /is waiting/);
  });

  it('for a task that is answered, was cancelled, or ran out of time', () => {
    const code = 'not_with_a_person';
    waiting()
      .after(answer)
      .when(answer)
      .thenRefused(code, /is completed/);
    waiting(undefined, { timeout: '1h' })
      .after(fire('timeout:a#1'))
      .when(answer)
      .thenRefused(code, /is failed/);
    waiting()
      .after(cancel)
      .when(answer)
      .thenRefused(code, /is cancelled/);
  });

  it('for a step that does not exist, or in a run that is over', () => {
    waiting().when(answerTask('ghost')).thenRefused('unknown_step', /ghost/);
    const over = given(workflow([agent('a')]), start(), cancel);
    over.when(answer).thenRefused('already_finished');
  });
});

describe('a task with a person', () => {
  it('is cancelled by the first failure of a run that stops', () => {
    const run = waiting();
    run
      .when(fail('w'))
      .thenEvents(
        { type: 'StepFailed', step: 'w' },
        { type: 'StepsCancelled', steps: [{ step: 'a', attempt: 1 }] },
        { type: 'StepsSkipped' },
        { type: 'WorkflowFailed' },
      );
    expect(run.state.run.awaitedPeople).toBe(0);
  });

  it('is cancelled with its run, and its time limit is taken back', () => {
    const run = waiting(undefined, { timeout: '1h' });
    const when = run.when(cancel);
    expect(run.step('a').status).toBe('cancelled');
    const { cancelTimers } = effectsOf(run.plan, when.accepted(), () => []);
    expect(cancelTimers).toContain('timeout:a#1');
  });

  it('does not end by a signal or timer of another kind', () => {
    const run = waiting(undefined, { timeout: '1h' });
    for (const id of ['wait:a#1', 'retry:a#1', 'timeout:a#2', 'approval:a'])
      run.when(fire(id)).thenNothing();
    expect(run.step('a').status).toBe('waiting');
  });
});
