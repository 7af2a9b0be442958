import { describe, expect, it } from 'vitest';
import {
  cancel,
  complete,
  given,
  pass,
  planOf,
  Scenario,
  signal,
  start,
  work,
  workflow,
} from '../support/given.ts';

const typedInput = {
  input: {
    type: 'object',
    required: ['repo'],
    properties: { repo: { type: 'string' }, branch: { type: 'string', default: 'main' } },
  },
};

describe('starting a run', () => {
  it('records the pinned definition, the input and the workspace, and schedules what needs nothing', () => {
    const run = given(workflow([work('a'), work('b', { needs: ['a'] })]));
    run.when(start({ any: 1 })).thenEvents(
      {
        type: 'WorkflowStarted',
        runId: 'run1',
        name: 'example',
        definitionHash: run.plan.hash,
        definitionVersion: 1,
        input: { any: 1 },
        workspace: '/home/someone/project',
      },
      { type: 'StepsScheduled', steps: [{ step: 'a', attempt: 1 }] },
    );
    expect(run.status).toBe('running');
  });

  it('applies the defaults of the input schema before anything reads the input', () => {
    const run = given(workflow([work('a')], typedInput));
    const started = run.when(start({ repo: 'x' })).only('WorkflowStarted');
    expect(started.input).toEqual({ repo: 'x', branch: 'main' });
  });

  it('refuses input that breaks the schema, names each place, and changes nothing', () => {
    const run = given(workflow([work('a')], typedInput));
    const refused = run.when(start({ repo: 7, branch: 8 }));
    refused.thenRefused('invalid_input', /nothing was started/);
    const { ruling } = refused;
    if (ruling.kind !== 'rejected') throw new Error('was accepted');
    expect(ruling.rejection.violations?.map(({ path }) => path)).toEqual(['repo', 'branch']);
    expect(run.status).toBe('pending');
  });

  it('refuses to start a run twice', () => {
    given(workflow([work('a')]), start())
      .when(start())
      .thenRefused('already_exists');
  });

  it('schedules all independent steps in one event, in the order of the definition', () => {
    const run = given(workflow([work('c'), work('a'), work('b')]));
    const scheduled = run.when(start()).only('StepsScheduled');
    expect(scheduled.steps.map(({ step }) => step)).toEqual(['c', 'a', 'b']);
  });

  it('completes a run of engine steps in the one decision that starts it', () => {
    const chain = workflow(
      [
        pass('a', { with: { n: '${{ input.n }}' } }),
        pass('b', { needs: ['a'], with: '${{ steps.a.output.n + 1 }}' }),
        pass('c', { needs: ['b'], with: ['${{ steps.b.output }}', 'is next'] }),
      ],
      { output: { list: '${{ steps.c.output }}' } },
    );
    given(chain)
      .when(start({ n: 41 }))
      .thenEvents(
        { type: 'WorkflowStarted' },
        { type: 'StepCompleted', step: 'a', attempt: 1, output: { n: 41 } },
        { type: 'StepCompleted', step: 'b', attempt: 1, output: 42 },
        { type: 'StepCompleted', step: 'c', attempt: 1, output: [42, 'is next'] },
        { type: 'WorkflowCompleted', output: { list: [42, 'is next'] } },
      );
  });

  it('answers no output as null', () => {
    given(workflow([pass('a')]))
      .when(start())
      .thenEvents(
        { type: 'WorkflowStarted' },
        { type: 'StepCompleted' },
        { type: 'WorkflowCompleted', output: null },
      );
  });
});

describe('a run that has not started', () => {
  it.each([signal('go'), cancel, complete('a')])('refuses $type', (command) => {
    new Scenario(planOf(workflow([work('a')]))).when(command).thenRefused('not_started');
  });
});

describe('what expressions can read', () => {
  it('gives the input of a step the values of its needs, the run and the environment', () => {
    const run = given(
      workflow([
        work('a'),
        work('b', {
          needs: ['a'],
          with: {
            command: ['true', '${{ steps.a.output.id }}', '${{ run.id }}', '${{ run.name }}'],
            env: { HOME: '${{ env.HOME }}', AT: '${{ run.startedAt }}' },
          },
        }),
      ]),
      start(),
    );
    run.env = { HOME: '/home/someone' };
    run.elapse(5_000);
    const { steps } = run.when(complete('a', { id: 'x7' })).only('StepsScheduled');
    expect(steps).toEqual([
      {
        step: 'b',
        attempt: 1,
        input: {
          command: ['true', 'x7', 'run1', 'example'],
          env: { HOME: '/home/someone', AT: '2023-11-14T22:13:20.000Z' },
        },
      },
    ]);
  });

  it('leaves the input of a step without expressions out of its event', () => {
    const { steps } = given(workflow([work('a')]))
      .when(start())
      .only('StepsScheduled');
    expect(steps).toEqual([{ step: 'a', attempt: 1 }]);
  });

  it('shows a step the error, the status and the attempts of a failed need', () => {
    const run = given(
      workflow([
        work('a'),
        pass('b', {
          needs: ['a'],
          if: '${{ failure() }}',
          with: ['${{ steps.a.status }}', '${{ steps.a.error.code }}', '${{ steps.a.attempts }}'],
        }),
      ]),
      start(),
    );
    const completed = run
      .when({
        type: 'FailStep',
        step: 'a',
        attempt: 1,
        worker: 'w1',
        startedAtMs: run.nowMs,
        error: { code: 'exit_2', message: 'no', details: { exitCode: 2 } },
      })
      .only('StepCompleted');
    expect(completed.output).toEqual(['failed', 'exit_2', 1]);
    expect(run.step('a').error).toEqual({
      code: 'exit_2',
      message: 'no',
      details: { exitCode: 2 },
    });
  });

  it('fails a step whose input cannot be evaluated, and the run with it', () => {
    given(workflow([pass('a', { with: '${{ input.list[5] }}' })]))
      .when(start({ list: [] }))
      .thenEvents(
        { type: 'WorkflowStarted' },
        {
          type: 'StepFailed',
          step: 'a',
          attempt: 1,
          error: expect.objectContaining({
            code: 'expression_error',
            message: expect.stringMatching(/^with: /) as string,
          }) as never,
        },
        { type: 'WorkflowFailed' },
      );
  });

  it('fails a step whose evaluated input is not what its kind takes', () => {
    const run = given(workflow([{ id: 'a', uses: 'wait', with: { for: '${{ input.pause }}' } }]));
    run.when(start({ pause: 'soon' }));
    expect(run.step('a').error).toMatchObject({ code: 'invalid_input' });
    expect(run.step('a').error?.message).toContain('with.for');
    expect(run.status).toBe('failed');
  });

  it('fails a step whose condition cannot be evaluated, before its first attempt', () => {
    const run = given(workflow([work('a', { if: '${{ input.missing.deeper }}' })]), start({}));
    expect(run.step('a')).toMatchObject({ status: 'failed', attempt: 0 });
    expect(run.step('a').error?.message).toMatch(/^if: /);
    expect(run.status).toBe('failed');
  });

  it('fails the run when its output cannot be evaluated although every step completed', () => {
    const run = given(workflow([pass('a')], { output: '${{ steps.a.output.none.such }}' }));
    run.when(start()).thenEvents(
      { type: 'WorkflowStarted' },
      { type: 'StepCompleted' },
      {
        type: 'WorkflowFailed',
        error: expect.objectContaining({ code: 'output_error' }) as never,
      },
    );
  });
});
