import { describe, expect, it } from 'vitest';
import {
  MAX_RUN_BYTES,
  MAX_STEPS_IN_FLIGHT,
  MAX_STEPS_PER_DECISION,
} from '../../src/domain/limits.ts';
import { complete, given, pass, signal, start, work, workflow } from '../support/given.ts';

const many = <Item>(count: number, make: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => make(index));

describe('a decision that is much work', () => {
  it('stops early, says so, and goes on where it stopped', () => {
    const steps = MAX_STEPS_PER_DECISION + 40;
    const run = given(workflow(many(steps, (index) => pass(`p${index}`))));
    const first = run.when(start()).accepted();
    expect(first.filter(({ type }) => type === 'StepCompleted')).toHaveLength(
      MAX_STEPS_PER_DECISION,
    );
    expect(run.status).toBe('running');
    run.advance();
    expect(run.status).toBe('completed');
    expect(run.state.run.completedSteps).toBe(steps);
  });

  it('stops early for costly expressions, too', () => {
    const costly = {
      with: { n: '${{ input.list.map(a, input.list.filter(b, b == a).size()).size() }}' },
    };
    const run = given(workflow(many(12, (index) => ({ ...pass(`p${index}`), ...costly }))));
    run.when(start({ list: many(300, (index) => index) })).accepted();
    expect(run.state.run.completedSteps).toBeGreaterThan(0);
    expect(run.status).toBe('running');
    run.advance();
    expect(run.status).toBe('completed');
  });
});

describe('a run that holds as much as it may', () => {
  it('fails the step whose output no longer fits, and keeps the output out', () => {
    const run = given(workflow([work('a')]), start());
    run.runBytes = MAX_RUN_BYTES - 10;
    run
      .when(complete('a', 'x'.repeat(20)))
      .thenEvents({ type: 'StepFailed', step: 'a' }, { type: 'WorkflowFailed' });
    expect(run.step('a').error?.code).toBe('run_too_large');
  });

  it('takes no more signals', () => {
    const run = given(workflow([work('a')]), start());
    run.runBytes = MAX_RUN_BYTES;
    run.when(signal('go', 'payload')).thenRefused('run_too_large');
  });
});

it('starts what the engine runs itself although workers are busy with as many steps as a run may have', () => {
  const run = given(
    workflow([
      ...many(MAX_STEPS_IN_FLIGHT + 1, (index) => work(`w${index}`)),
      pass('quick'),
      { id: 'pause', uses: 'wait', with: { for: '1s' } },
    ]),
    start(),
  );
  expect(run.step('quick').status).toBe('completed');
  expect(run.step('pause').status).toBe('waiting');
  expect(run.step(`w${MAX_STEPS_IN_FLIGHT}`).status).toBe('ready');
});
