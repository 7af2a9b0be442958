import { describe, expect, it } from 'vitest';
import { parseDefinition } from '../../src/domain/definition.ts';
import { effectsOf } from '../../src/domain/effects.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { readSnapshot, restoreState, writeSnapshot } from '../../src/domain/state.ts';
import type { StartWorkflow } from '../../src/domain/commands.ts';
import {
  agent,
  complete,
  fail,
  fire,
  given,
  handOver,
  pass,
  retry,
  start,
  toAgent,
  work,
  workflow,
  type Scenario,
  type When,
} from '../support/given.ts';

const steps = [
  work('a', { priority: 'high' }),
  work('b', { priority: 'low' }),
  work('c', { priority: 'normal' }),
  work('d'),
];

function startAt(priority: StartWorkflow['priority']): StartWorkflow {
  // `start` makes no other command.
  return { ...(start() as StartWorkflow), ...(priority !== undefined && { priority }) };
}

/** The priority of each task that the events enqueue; as the store is told it. */
function enqueued({ plan, state }: Scenario, when: When): Record<string, string | undefined> {
  const { enqueue } = effectsOf(plan, when.accepted(), () => [], state.run.priority);
  return Object.fromEntries(enqueue.map(({ slot, priority }) => [slot, priority]));
}

function mistakes(definition: JsonObject): unknown[] {
  const parsed = parseDefinition(definition);
  return parsed.ok ? [] : [...parsed.errors];
}

describe('the priority of a task', () => {
  it('is that of its step; normal is not said', () => {
    const run = given(workflow(steps));
    const tasks = enqueued(run, run.when(start()));
    expect(tasks).toEqual({ a: 'high', b: 'low' });
    expect(Object.keys(tasks)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('is that of the workflow where the step has none', () => {
    const run = given(workflow(steps, { priority: 'low' }));
    expect(enqueued(run, run.when(start()))).toEqual({ a: 'high', b: 'low', d: 'low' });
  });

  it('is that of the run, before the workflow, where the step has none', () => {
    const run = given(workflow(steps, { priority: 'low' }));
    const started = run.when(startAt('high'));
    expect(started.only('WorkflowStarted').priority).toBe('high');
    expect(enqueued(run, started)).toEqual({ a: 'high', b: 'low', d: 'high' });
    const normal = given(workflow(steps, { priority: 'low' }));
    expect(enqueued(normal, normal.when(startAt('normal')))).toEqual({ a: 'high', b: 'low' });
  });

  it('is kept by a retry and by later steps, also from a snapshot', () => {
    const chain = workflow([work('a', retry(2)), work('b', { needs: ['a'] })]);
    const run = given(chain, startAt('high'), fail('a'));
    expect(enqueued(run, run.when(fire('retry:a#1')))).toEqual({ a: 'high' });
    const snapshot = readSnapshot(writeSnapshot(run.plan, run.state));
    if (snapshot === undefined) throw new Error('the snapshot is not readable');
    expect(restoreState(run.plan, snapshot).run.priority).toBe('high');
    expect(enqueued(run, run.when(complete('a', null, 2)))).toEqual({ b: 'high' });
  });

  it('is kept by a task that is handed to another agent', () => {
    const run = given(workflow([agent('review', {}, { priority: 'high' })]), start());
    const handed = run.when(handOver('review', toAgent('other')));
    expect(enqueued(run, handed)).toEqual({ review: 'high' });
  });

  it('is not in the event of a start that asked for none', () => {
    const started = given(workflow(steps)).when(start()).only('WorkflowStarted');
    expect(started).not.toHaveProperty('priority');
  });
});

describe('a priority in a definition', () => {
  it('is one of three words, and the nearest is named', () => {
    expect(mistakes(workflow([work('a', { priority: 'hihg' })], { priority: 1 }))).toEqual([
      expect.objectContaining({ path: 'priority' }),
      {
        path: 'steps[0].priority',
        message: '"hihg" is not one of high, normal, low',
        suggestion: 'high',
      },
    ]);
  });

  it('is refused at a step that waits in no queue', () => {
    expect(mistakes(workflow([pass('a', { priority: 'low' })]))).toEqual([
      { path: 'steps[0].priority', message: 'has no meaning for a step that uses transform' },
    ]);
  });
});
