import { describe, expect, it } from 'vitest';
import {
  MAX_RUN_BYTES,
  MAX_STEPS_IN_FLIGHT,
  MAX_STEPS_PER_DECISION,
} from '../../src/domain/limits.ts';
import { MAX_STORED_DEPTH } from '../../src/domain/readable-value.ts';
import type { Command } from '../../src/domain/commands.ts';
import type { Json } from '../../src/domain/json.ts';
import {
  agent,
  complete,
  fail,
  given,
  handOver,
  pass,
  retry,
  signal,
  start,
  toPerson,
  work,
  workflow,
} from '../support/given.ts';

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

describe('a value nested too deeply to be read back', () => {
  const deep = (levels: number): Json => {
    let value: Json = 'x';
    for (let level = 0; level < levels; level += 1) value = [value];
    return value;
  };
  const TOO_DEEP = deep(2_500);

  it('fails the step that returns it; one level less than too much is kept', () => {
    const run = given(workflow([work('a')]), start());
    run
      .when(complete('a', deep(MAX_STORED_DEPTH + 1)))
      .thenEvents({ type: 'StepFailed', step: 'a' }, { type: 'WorkflowFailed' });
    expect(run.step('a').error?.code).toBe('nested_too_deeply');
    const deepest = deep(MAX_STORED_DEPTH);
    given(workflow([work('a')]), start())
      .when(complete('a', deepest))
      .thenEvents({ type: 'StepCompleted', output: deepest }, { type: 'WorkflowCompleted' });
  });

  it('is no signal, no context of a handover and no input', () => {
    const run = given(workflow([agent('a')]), start());
    run.when(signal('go', TOO_DEEP)).thenRefused('nested_too_deeply');
    run
      .when(handOver('a', toPerson(), { context: TOO_DEEP }))
      .thenRefused('nested_too_deeply', /not handed over/);
    given(workflow([work('a')]))
      .when(start([TOO_DEEP]))
      .thenRefused('nested_too_deeply', /Nothing was started/);
  });

  it('is left out where it only comes along: the failure is recorded all the same', () => {
    const run = given(workflow([work('a', retry(2))]), start());
    const error = { code: 'broken', message: 'oops', details: TOO_DEEP };
    const [failed] = run.when({ ...fail('a'), error, heartbeat: TOO_DEEP } as Command).accepted();
    expect(failed).toMatchObject({ type: 'StepAttemptFailed', error: { code: 'broken' } });
    expect(failed).not.toHaveProperty('heartbeat');
    expect(failed).not.toHaveProperty('error.details');
  });

  it('fails the step where steps wrap each other, and the run where its output does', () => {
    const wraps = many(MAX_STORED_DEPTH + 1, (index) => ({
      ...pass(`p${index}`),
      needs: index === 0 ? [] : [`p${index - 1}`],
      with: { in: index === 0 ? 1 : `\${{ steps.p${index - 1}.output }}` },
    }));
    const run = given(workflow(wraps), start());
    run.advance();
    expect(run.step(`p${MAX_STORED_DEPTH - 1}`).status).toBe('completed');
    expect(run.step(`p${MAX_STORED_DEPTH}`).error?.code).toBe('nested_too_deeply');
    const output = { deeper: `\${{ steps.p${MAX_STORED_DEPTH - 1}.output }}` };
    const ends = given(workflow(wraps.slice(0, -1), { output }), start());
    ends.advance();
    expect(ends.status).toBe('failed');
    expect(ends.history.at(-1)?.event).toMatchObject({ error: { code: 'output_error' } });
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
