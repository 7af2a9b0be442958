import { describe, expect, it } from 'vitest';
import { MAX_STEPS_IN_FLIGHT } from '../../src/domain/limits.ts';
import { complete, fail, given, pass, start, work, workflow } from '../support/given.ts';

const ids = (count: number): string[] => Array.from({ length: count }, (_, at) => `s${at}`);

describe('needs', () => {
  const join = workflow([
    work('a'),
    work('b'),
    work('c'),
    work('join', { needs: ['a', 'b', 'c'] }),
  ]);

  it('starts a join only when the last of its needs is terminal', () => {
    const run = given(join, start());
    run.when(complete('c')).thenEvents({ type: 'StepCompleted', step: 'c' });
    run.when(complete('a')).thenEvents({ type: 'StepCompleted', step: 'a' });
    run
      .when(complete('b'))
      .thenEvents(
        { type: 'StepCompleted', step: 'b' },
        { type: 'StepsScheduled', steps: [{ step: 'join', attempt: 1 }] },
      );
  });

  it('never counts one need twice, however often its completion is reported', () => {
    const run = given(join, start(), complete('a'));
    run.when(complete('a')).thenRefused('stale_attempt');
    run.when(complete('a')).thenRefused('stale_attempt');
    expect(run.step('join')).toMatchObject({ status: 'pending', openNeeds: 2 });
  });

  it('starts a join in the decision whose engine steps were its last needs', () => {
    const run = given(
      workflow([
        work('a'),
        pass('b', { needs: ['a'] }),
        pass('c', { needs: ['a'] }),
        work('d', { needs: ['b', 'c'] }),
      ]),
      start(),
    );
    run
      .when(complete('a'))
      .thenEvents(
        { type: 'StepCompleted', step: 'a' },
        { type: 'StepCompleted', step: 'b' },
        { type: 'StepCompleted', step: 'c' },
        { type: 'StepsScheduled', steps: [{ step: 'd', attempt: 1 }] },
      );
  });

  it('runs a step defined before what it needs', () => {
    const run = given(workflow([work('late', { needs: ['early'] }), work('early')]), start());
    expect(run.statuses()).toEqual({ late: 'pending', early: 'scheduled' });
    run.after(complete('early'));
    expect(run.step('late').status).toBe('scheduled');
  });
});

describe('the share of one run', () => {
  const many = workflow(ids(MAX_STEPS_IN_FLIGHT + 6).map((id) => work(id)));

  it(`schedules at most ${MAX_STEPS_IN_FLIGHT} steps at once; the others stay in line`, () => {
    const run = given(many);
    const { steps } = run.when(start()).only('StepsScheduled');
    expect(steps).toHaveLength(MAX_STEPS_IN_FLIGHT);
    expect(run.state.run.stepsInFlight).toBe(MAX_STEPS_IN_FLIGHT);
    expect(run.step(`s${MAX_STEPS_IN_FLIGHT}`).status).toBe('ready');
  });

  it('gives a freed place to the next in line, in order', () => {
    const run = given(many, start());
    const first = run.when(complete('s9')).only('StepsScheduled');
    const second = run.when(fail('s3')).accepted();
    expect(first.steps).toEqual([{ step: `s${MAX_STEPS_IN_FLIGHT}`, attempt: 1 }]);
    // onFailure is "stop": the failure ends the line instead of letting the next one in.
    expect(second).toMatchObject([
      { type: 'StepFailed' },
      {
        type: 'StepsSkipped',
        steps: ids(5).map((_, at) => ({
          step: `s${MAX_STEPS_IN_FLIGHT + 1 + at}`,
          reason: 'stopped',
        })),
      },
    ]);
  });

  it('lets engine steps pass while the places are taken', () => {
    const run = given(
      workflow([
        ...ids(MAX_STEPS_IN_FLIGHT).map((id) => work(id)),
        pass('quick'),
        work('last', { needs: ['quick'] }),
      ]),
      start(),
    );
    expect(run.step('quick').status).toBe('completed');
    expect(run.step('last').status).toBe('ready');
  });

  it('runs every step of a wide run exactly once', () => {
    const run = given(
      workflow([...ids(200).map((id) => work(id)), work('join', { needs: ids(200) })]),
      start(),
    );
    for (const id of ids(200)) run.after(complete(id));
    run.after(complete('join'));
    expect(run.status).toBe('completed');
    const scheduled = run.history.flatMap(({ event }) =>
      event.type === 'StepsScheduled' ? event.steps.map(({ step }) => step) : [],
    );
    expect(new Set(scheduled).size).toBe(201);
    expect(scheduled).toHaveLength(201);
  });
});
