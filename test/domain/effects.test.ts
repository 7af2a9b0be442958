import { describe, expect, it } from 'vitest';
import { effectsOf, stepOfTimer, timerIdOf, type Effects } from '../../src/domain/effects.ts';
import { planOf, START_MS, work, workflow } from '../support/given.ts';
import type { EventBody } from '../../src/domain/events.ts';

const plan = planOf(
  workflow([
    work('a'),
    work('b', { with: { command: ['git', 'status'] } }),
    { id: 'w', uses: 'wait', with: { for: '1s' } },
  ]),
);
const NONE: Effects = { enqueue: [], recall: [], timers: [], cancelTimers: [] };
const effects = (...events: EventBody[]): Effects => effectsOf(plan, events, () => ['a', 'b']);
const error = { code: 'x', message: 'x' };
const attempt = { step: 'w', attempt: 2 };

describe('effects of events', () => {
  it('scheduling enqueues each step on the queue of its binary', () => {
    const steps = [
      { step: 'a', attempt: 1 },
      { step: 'b', attempt: 3 },
    ];
    expect(effects({ type: 'StepsScheduled', steps })).toEqual({
      ...NONE,
      enqueue: [
        { slot: 'a', attempt: 1, queue: 'shell:true' },
        { slot: 'b', attempt: 3, queue: 'shell:git' },
      ],
    });
  });

  it('a defect is thrown for a scheduled step that has no queue, or does not exist', () => {
    expect(() => effects({ type: 'StepsScheduled', steps: [{ step: 'w', attempt: 1 }] })).toThrow(
      /"w" has no queue/,
    );
    expect(() =>
      effects({ type: 'StepsScheduled', steps: [{ step: 'ghost', attempt: 1 }] }),
    ).toThrow(/"ghost"/);
  });

  it('waiting sets a timer when it has an end, a signal without timeout none', () => {
    expect(effects({ type: 'StepWaiting', ...attempt, dueAtMs: START_MS })).toEqual({
      ...NONE,
      timers: [{ timerId: 'wait:w#2', dueAtMs: START_MS }],
    });
    expect(effects({ type: 'StepWaiting', ...attempt, signal: 'go' })).toEqual(NONE);
  });

  it('a failed attempt sets the timer of the next one', () => {
    expect(effects({ type: 'StepAttemptFailed', ...attempt, error, retryAtMs: 9 }).timers).toEqual([
      { timerId: 'retry:w#2', dueAtMs: 9 },
    ]);
  });

  it('what a signal ends needs no timer any more, whether it kept the contract or not', () => {
    const used = { ...attempt, consumedSignal: 'go' };
    expect(effects({ type: 'StepCompleted', ...used, output: null }).cancelTimers).toEqual([
      'wait:w#2',
    ]);
    expect(effects({ type: 'ContractViolated', ...used, violations: [] }).cancelTimers).toEqual([
      'wait:w#2',
    ]);
    expect(effects({ type: 'StepCompleted', ...attempt, output: null })).toEqual(NONE);
  });

  it('a failure and a cancellation take their timers back', () => {
    expect(effects({ type: 'StepFailed', ...attempt, error }).cancelTimers).toEqual(['retry:w#2']);
    expect(effects({ type: 'StepsCancelled', steps: [attempt] }).cancelTimers).toEqual([
      'wait:w#2',
    ]);
  });

  it('a timer that the same commit sets and cancels is not set at all', () => {
    expect(
      effects(
        { type: 'StepAttemptFailed', ...attempt, error, retryAtMs: 9 },
        { type: 'StepFailed', ...attempt, error },
      ).timers,
    ).toEqual([]);
  });

  it('a cancellation recalls what is held', () => {
    expect(effects({ type: 'CancellationRequested' }).recall).toEqual(['a', 'b']);
  });

  it('asks for the held slots only when it needs them', () => {
    const unasked = (): never => {
      throw new Error('asked');
    };
    expect(
      effectsOf(plan, [{ type: 'WorkflowPaused' }, { type: 'WorkflowCancelled' }], unasked),
    ).toEqual(NONE);
  });
});

describe('timer ids', () => {
  it('name purpose, step and attempt, and lead back to the step', () => {
    expect(timerIdOf('retry', 'step_1', 12)).toBe('retry:step_1#12');
    expect(stepOfTimer('retry:step_1#12')).toBe('step_1');
    expect(stepOfTimer('wait:a#1')).toBe('a');
  });
});
