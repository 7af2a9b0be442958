import { describe, expect, it } from 'vitest';
import { assertNever } from '../../src/domain/assert-never.ts';
import { createRunState, writeSnapshot } from '../../src/domain/state.ts';
import { evolve } from '../../src/domain/evolve.ts';
import {
  complete,
  fail,
  fire,
  given,
  pause,
  resume,
  retry,
  signal,
  start,
  START_MS,
  work,
  workflow,
} from '../support/given.ts';

const definition = workflow([work('a', retry(2)), work('b', { needs: ['a'] }), work('c')]);

describe('folding a history', () => {
  it('gives the state that deciding left, from the events alone', () => {
    const run = given(definition, start({ n: 1 }), signal('x', 1), fail('a'));
    run.elapse(1_000).after(fire('retry:a#1'), pause, complete('a', { o: 1 }, 2), resume);
    run.elapse(1_000).after(complete('c'), complete('b'));
    const folded = createRunState(run.plan);
    for (const { event, atMs } of run.history) evolve(run.plan, folded, event, atMs);
    expect(writeSnapshot(run.plan, folded)).toBe(writeSnapshot(run.plan, run.state));
    expect(run.status).toBe('completed');
  });

  it('counts one version an event, however many steps it carries', () => {
    const run = given(definition, start());
    expect(run.history).toHaveLength(2);
    expect(run.state.run.version).toBe(2);
  });

  it('remembers when steps and runs began and ended, and who ran them', () => {
    const run = given(definition, start());
    run.elapse(500).after(complete('c'));
    expect(run.step('c')).toMatchObject({
      worker: 'w1',
      startedAtMs: START_MS,
      finishedAtMs: START_MS + 500,
    });
    run.elapse(500).after(complete('a'), complete('b'));
    expect(run.state.run).toMatchObject({ startedAtMs: START_MS, finishedAtMs: START_MS + 1_000 });
  });

  it('keeps inputs and heartbeats no longer than the step runs', () => {
    const echo = work('a', { with: { command: ['echo', '${{ input.text }}'] } });
    const run = given(workflow([echo]), start({ text: 'long' }));
    expect(run.step('a').input).toEqual({ command: ['echo', 'long'] });
    run.after(complete('a'));
    expect(run.step('a').input).toBeUndefined();
  });
});

describe('events that no decision can have written', () => {
  const started = () => given(definition, start());
  const error = { code: 'x', message: 'x' };

  it('of an unknown step are a defect', () => {
    expect(() => started().fold({ type: 'StepFailed', step: 'ghost', attempt: 1, error })).toThrow(
      /no step "ghost"/,
    );
  });

  it('that end a step twice are a defect', () => {
    const run = started().after(complete('c'));
    expect(() => run.fold({ type: 'StepFailed', step: 'c', attempt: 1, error })).toThrow(
      /ended twice/,
    );
  });

  it('that jump the line are a defect', () => {
    const run = given(workflow([work('a'), work('b')]));
    run.fold({
      type: 'WorkflowStarted',
      runId: 'r',
      name: 'example',
      definitionHash: run.plan.hash,
      definitionVersion: 1,
      input: null,
      workspace: '/w',
    });
    expect(() => run.fold({ type: 'StepsScheduled', steps: [{ step: 'b', attempt: 1 }] })).toThrow(
      /not the first in line/,
    );
  });

  it('that end a run twice, or start it twice, are a defect', () => {
    const run = given(workflow([work('a')]), start(), complete('a'));
    expect(() => run.fold({ type: 'WorkflowFailed', error })).toThrow(
      /cannot happen to a completed run/,
    );
    expect(() => run.fold({ type: 'WorkflowPaused' })).toThrow(/completed run/);
  });
});

describe('assertNever', () => {
  it('throws for what the types exclude', () => {
    expect(() => assertNever('surprise' as never)).toThrow(/surprise/);
  });
});
