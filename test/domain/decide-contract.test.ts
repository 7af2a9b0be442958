import { describe, expect, it } from 'vitest';
import {
  complete,
  fire,
  given,
  pass,
  retry,
  signal,
  start,
  START_MS,
  work,
  workflow,
} from '../support/given.ts';

const contract = {
  outputSchema: { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } },
};

describe('an output that breaks its schema', () => {
  it('is told with its places and fails the step without a retry policy', () => {
    const run = given(workflow([work('a', contract)]), start());
    run
      .when(complete('a', { n: 'one' }))
      .thenEvents(
        { type: 'ContractViolated', step: 'a', attempt: 1 },
        { type: 'StepFailed', step: 'a', attempt: 1, worker: 'w1' },
        { type: 'WorkflowFailed' },
      );
    expect(run.step('a').error).toMatchObject({ code: 'contract_violation' });
    const violated = run.history.find(({ event }) => event.type === 'ContractViolated')?.event;
    expect(violated).toMatchObject({ violations: [{ path: 'n' }] });
  });

  it('is retried by the policy of the step', () => {
    const run = given(workflow([work('a', { ...contract, ...retry(2) })]), start());
    run
      .when(complete('a', {}))
      .thenEvents(
        { type: 'ContractViolated' },
        { type: 'StepAttemptFailed', step: 'a', retryAtMs: START_MS + 1_000 },
      );
    run.after(fire('retry:a#1'));
    run
      .when(complete('a', { n: 1 }, 2))
      .thenEvents({ type: 'StepCompleted', output: { n: 1 } }, { type: 'WorkflowCompleted' });
  });

  it('is not retried where the policy says so', () => {
    const policy = retry(3, { nonRetryable: ['contract_violation'] });
    const run = given(workflow([work('a', { ...contract, ...policy })]), start());
    run
      .when(complete('a', []))
      .thenEvents({ type: 'ContractViolated' }, { type: 'StepFailed' }, { type: 'WorkflowFailed' });
  });

  it('fails an engine step in the same way', () => {
    const run = given(workflow([pass('a', { ...contract, with: { n: '${{ input.n }}' } })]));
    run
      .when(start({ n: 1.5 }))
      .thenEvents(
        { type: 'WorkflowStarted' },
        { type: 'ContractViolated' },
        { type: 'StepFailed' },
        { type: 'WorkflowFailed' },
      );
  });

  it('uses up the signal that carried it, so that the next attempt waits for another', () => {
    const waits = { id: 'a', uses: 'signal', with: { name: 'go' }, ...contract, ...retry(3) };
    const run = given(workflow([waits]), start());
    run
      .when(signal('go', 'rubbish'))
      .thenEvents(
        { type: 'SignalReceived' },
        { type: 'ContractViolated' },
        { type: 'StepAttemptFailed' },
      );
    run
      .when(fire('retry:a#1'))
      .thenEvents({ type: 'StepReadied' }, { type: 'StepWaiting', attempt: 2, signal: 'go' });
    run
      .when(signal('go', { n: 2 }))
      .thenEvents(
        { type: 'SignalReceived' },
        { type: 'StepCompleted', output: { n: 2 } },
        { type: 'WorkflowCompleted' },
      );
    expect(run.state.run.signals).toEqual([]);
  });

  it('of a buffered signal is retried as any other, from the line of ready steps', () => {
    const gate = { id: 'a', uses: 'signal', with: { name: 'go' }, needs: ['first'] };
    const definition = workflow([work('first'), { ...gate, ...contract, ...retry(2) }]);
    const run = given(definition, start(), signal('go', 'bad'));
    run
      .when(complete('first'))
      .thenEvents(
        { type: 'StepCompleted' },
        { type: 'ContractViolated', step: 'a', attempt: 1, consumedSignal: 'go' },
        { type: 'StepAttemptFailed', step: 'a', attempt: 1 },
      );
    expect(run.step('a')).toMatchObject({ status: 'retrying', attempt: 1 });
    run
      .when(fire('retry:a#1'))
      .thenEvents({ type: 'StepReadied' }, { type: 'StepWaiting', step: 'a', attempt: 2 });
  });

  it('uses up a buffered signal, too, and leaves the following one for the next step', () => {
    const waits = (id: string, more: object) => ({
      id,
      uses: 'signal',
      with: { name: 'go' },
      ...more,
    });
    const definition = workflow(
      [
        work('first'),
        waits('a', { needs: ['first'], ...contract }),
        waits('b', { needs: ['a'], if: '${{ always() }}' }),
      ],
      { onFailure: 'continue' },
    );
    const run = given(definition, start(), signal('go', 'bad'), signal('go', 'good'));
    run.after(complete('first'));
    expect(run.statuses()).toEqual({ first: 'completed', a: 'failed', b: 'completed' });
    expect(run.step('b').output).toBe('good');
  });
});
