import { describe, expect, it } from 'vitest';
import {
  approvalOfTimer,
  approvalTimerId,
  effectsOf,
  stepOfTimer,
  timerIdOf,
  type Effects,
} from '../../src/domain/effects.ts';
import { agent, approval, planOf, START_MS, work, workflow } from '../support/given.ts';
import type { EventBody } from '../../src/domain/events.ts';

const plan = planOf(
  workflow([
    work('a'),
    work('b', { with: { command: ['git', 'status'] } }),
    { id: 'w', uses: 'wait', with: { for: '1s' } },
    agent('helper', {}, { timeout: '1h' }),
    agent('free'),
    approval('gate'),
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

describe('effects of what agents do', () => {
  const helper = { step: 'helper', attempt: 2 };

  it('offering a task sets its time limit, in the queue that it was handed to', () => {
    const steps = [{ ...helper, queue: 'agent@b', dueAtMs: 9 }];
    expect(effects({ type: 'StepsScheduled', steps })).toEqual({
      ...NONE,
      enqueue: [{ slot: 'helper', attempt: 2, queue: 'agent@b' }],
      timers: [{ timerId: 'timeout:helper#2', dueAtMs: 9 }],
    });
  });

  it('what an agent or a person reported is not recalled; what ended without a report is', () => {
    const ended = { ...helper, error, retryAtMs: 9 };
    const reported = effects({ type: 'StepAttemptFailed', ...ended, worker: 'agent:a1' });
    expect([reported.recall, reported.cancelTimers]).toEqual([[], ['timeout:helper#2']]);
    expect(effects({ type: 'StepAttemptFailed', ...ended }).recall).toEqual(['helper']);
    expect(effects({ type: 'StepFailed', ...helper, error }).recall).toEqual(['helper']);
    expect(effects({ type: 'StepOutcomeUnknown', ...helper, reason: '' }).recall).toEqual([
      'helper',
    ]);
    expect(effects({ type: 'StepsCancelled', steps: [helper] }).recall).toEqual(['helper']);
    expect(effects({ type: 'ContractViolated', ...helper, violations: [] })).toEqual(NONE);
  });

  it('the task of a worker is recalled by a cancellation only', () => {
    const a = { step: 'a', attempt: 1 };
    expect(effects({ type: 'StepFailed', ...a, error }).recall).toEqual([]);
    expect(effects({ type: 'StepOutcomeUnknown', ...a, reason: '' })).toEqual(NONE);
    expect(effects({ type: 'StepsCancelled', steps: [a] }).recall).toEqual([]);
  });

  it('a task without a time limit has no timer to take back', () => {
    const free = { step: 'free', attempt: 1 };
    expect(effects({ type: 'StepCompleted', ...free, output: 1, worker: 'x' })).toEqual(NONE);
  });

  it('a recall never hits a task that a later event of the same commit enqueues', () => {
    const again: EventBody = { type: 'StepsScheduled', steps: [{ step: 'free', attempt: 2 }] };
    const over: EventBody = { type: 'StepsCancelled', steps: [{ step: 'free', attempt: 1 }] };
    expect(effects(over, over, again).recall).toEqual([]);
    expect(effects(again, over).recall).toEqual(['free']);
  });

  it('handing over enqueues, except to a person', () => {
    const handed = { type: 'TaskHandedOver', ...helper, from: 'agent:a1' } as const;
    const to = { kind: 'agent', name: 'b' } as const;
    expect(effects({ ...handed, to, queue: 'agent@b' })).toEqual({
      ...NONE,
      enqueue: [{ slot: 'helper', attempt: 2, queue: 'agent@b' }],
    });
    expect(effects({ ...handed, to: { kind: 'person' } })).toEqual(NONE);
  });

  it('an approval sets and takes back its timer, each kind its own', () => {
    const ask = { question: '?', choices: ['approve'] };
    const step = { approvalId: 'gate', attempt: 1 };
    expect(
      effects({ type: 'ApprovalRequested', ...step, step: 'gate', ask, dueAtMs: 9 }).timers,
    ).toEqual([{ timerId: 'wait:gate#1', dueAtMs: 9 }]);
    expect(
      effects({ type: 'ApprovalRequested', approvalId: 'ask:1', ask, dueAtMs: 9 }).timers,
    ).toEqual([{ timerId: 'approval:ask:1', dueAtMs: 9 }]);
    expect(effects({ type: 'ApprovalRequested', approvalId: 'ask:1', ask })).toEqual(NONE);
    const resolution = 'chosen' as const;
    expect(effects({ type: 'ApprovalResolved', ...step, resolution }).cancelTimers).toEqual([
      'wait:gate#1',
    ]);
    expect(
      effects({ type: 'ApprovalResolved', approvalId: 'ask:1', resolution }).cancelTimers,
    ).toEqual(['approval:ask:1']);
  });
});

describe('timer ids', () => {
  it('of approvals that agents asked for lead back to them, others to none', () => {
    expect(approvalOfTimer(approvalTimerId('ask:x#1'))).toBe('ask:x#1');
    expect(approvalOfTimer('wait:approval#1')).toBeUndefined();
  });

  it('name purpose, step and attempt, and lead back to the step', () => {
    expect(timerIdOf('retry', 'step_1', 12)).toBe('retry:step_1#12');
    expect(stepOfTimer('retry:step_1#12')).toBe('step_1');
    expect(stepOfTimer('wait:a#1')).toBe('a');
  });
});
