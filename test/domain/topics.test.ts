import { describe, expect, it } from 'vitest';
import { parseDefinition } from '../../src/domain/definition.ts';
import { eventBodySchema } from '../../src/domain/events.ts';
import type { EventBody } from '../../src/domain/events.ts';
import {
  compilePatterns,
  MAX_TOPIC_CHARS,
  mayBeginWith,
  patternProblem,
  topicProblem,
} from '../../src/domain/topic-pattern.ts';
import { hasTopicsOfPlan, topicsOf } from '../../src/domain/topics.ts';

const parsed = parseDefinition({
  name: 'reviewed',
  steps: [
    { id: 'build', uses: 'shell', with: { command: ['make'] } },
    { id: 'review', uses: 'agent', with: { capability: 'code.review', instructions: 'Look.' } },
    { id: 'sign', uses: 'agent', with: { agent: 'builder-1', instructions: 'Sign.' } },
  ],
});
if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
const { plan } = parsed;

const done = { attempt: 1, output: null };
const error = { code: 'c', message: 'm' };
const TABLE: [string, EventBody, string[]][] = [
  ['an end of a run', { type: 'WorkflowCancelled' }, ['runs.r1.workflow_cancelled']],
  [
    'tasks of workers and agents',
    {
      type: 'StepsScheduled',
      steps: ['build', 'review', 'sign'].map((step) => ({ step, attempt: 1 })),
    },
    ['runs.r1.steps_scheduled', 'agents.code~review.tasks', 'agents.builder-1.tasks'],
  ],
  [
    'a task in a queue that a handover changed',
    { type: 'StepsScheduled', steps: [{ step: 'review', attempt: 2, queue: 'agent@anna' }] },
    ['runs.r1.steps_scheduled', 'agents.anna.tasks'],
  ],
  [
    'a task that was handed over',
    {
      type: 'TaskHandedOver',
      step: 'review',
      attempt: 1,
      to: { kind: 'agent', name: 'anna' },
      from: 'agent:b',
      queue: 'agent@anna',
    },
    ['runs.r1.task_handed_over', 'agents.anna.tasks'],
  ],
  [
    'a task that a person has now',
    { type: 'TaskHandedOver', step: 'review', attempt: 1, to: { kind: 'person' }, from: 'agent:b' },
    ['runs.r1.task_handed_over'],
  ],
  [
    'a result of a worker',
    { type: 'StepCompleted', step: 'build', ...done },
    ['runs.r1.step_completed'],
  ],
  [
    'a result of an agent',
    { type: 'StepCompleted', step: 'review', ...done },
    ['runs.r1.step_completed', 'agents.results'],
  ],
  [
    'a failed attempt of an agent',
    { type: 'StepAttemptFailed', step: 'sign', attempt: 1, error, retryAtMs: 1 },
    ['runs.r1.step_attempt_failed', 'agents.results'],
  ],
  [
    'a failure of an agent',
    { type: 'StepFailed', step: 'sign', attempt: 1, error },
    ['runs.r1.step_failed', 'agents.results'],
  ],
  [
    'an outcome nobody knows',
    { type: 'StepOutcomeUnknown', step: 'sign', attempt: 1, reason: 'x' },
    ['runs.r1.step_outcome_unknown', 'agents.results'],
  ],
  [
    'a question to a person',
    { type: 'ApprovalRequested', approvalId: 'a', ask: { question: 'q', choices: [] } },
    ['runs.r1.approval_requested', 'approvals.requested'],
  ],
  [
    'an answer',
    { type: 'ApprovalResolved', approvalId: 'a', resolution: 'rejected' },
    ['runs.r1.approval_resolved', 'approvals.resolved'],
  ],
];

describe('the topics of events', () => {
  it.each(TABLE)('are there for %s', (_, event, topics) => {
    expect(eventBodySchema.safeParse(event).success).toBe(true);
    expect(topicsOf('r1', event, plan)).toEqual(topics);
  });

  it.each(TABLE)('lack only what the plan adds, for %s without a plan', (_, event, topics) => {
    const without = topicsOf('r1', event);
    expect(without[0]).toBe(topics[0]);
    if (!hasTopicsOfPlan(event)) expect(without).toEqual(topics);
    else for (const topic of without) expect(topics).toContain(topic);
  });

  it('begin with the run and the type, for every type there is', () => {
    const types = eventBodySchema.options.map(({ shape }) => shape.type.value);
    expect(types.length).toBeGreaterThan(20);
    for (const type of types) {
      // Only the type is looked at for events that no case names.
      const event = { type, steps: [], step: 'build' } as unknown as EventBody;
      const [topic = ''] = topicsOf('r1', event, plan);
      expect(topic).toMatch(/^runs\.r1\.[a-z]+(_[a-z]+)*$/);
      expect(patternProblem(topic)).toBeUndefined();
    }
  });

  it('are refused to programs', () => {
    for (const [, , topics] of TABLE)
      for (const topic of topics) expect(topicProblem(topic)).toMatch(/are the engine's own/);
  });
});

describe('patterns', () => {
  const matches = (pattern: string, topic: string): boolean => {
    expect(patternProblem(pattern)).toBeUndefined();
    return compilePatterns([pattern])(topic);
  };

  it.each([
    ['runs.*', 'runs.r1.step_completed', true],
    ['runs.>', 'runs.r1.step_completed', true],
    ['runs.*', 'runs', false],
    ['runs.*', 'runsx.r1', false],
    ['runs.*.step_failed', 'runs.r1.step_failed', true],
    ['runs.*.step_failed', 'runs.r1.step_failed.more', false],
    ['runs.*.step_failed', 'runs.step_failed', false],
    ['agents.*.tasks', 'agents.review.tasks', true],
    ['agents.*.tasks', 'agents.results', false],
    ['*.*.tasks', 'agents.review.tasks', true],
    ['agents.results', 'agents.results', true],
    ['agents.results', 'agents.results.x', false],
    ['*', 'a', true],
    ['*', 'a.b.c', true],
    ['>', 'a.b.c', true],
    ['a.*.*', 'a.b', false],
    ['a.*.*', 'a.b.c', true],
    ['a.*.>', 'a.b.c.d', true],
    ['a.*.>', 'a.b', false],
    ['a.b', 'a.c', false],
  ])('%s and %s: %s', (pattern, topic, expected) => {
    expect(matches(pattern, topic)).toBe(expected);
  });

  it('match when one of several does', () => {
    const matchesAny = compilePatterns(['a.b', 'c.*']);
    expect(['a.b', 'c.d', 'd.e'].map(matchesAny)).toEqual([true, true, false]);
    expect(compilePatterns([])('a')).toBe(false);
  });

  it('tell what they can begin with', () => {
    expect(mayBeginWith('runs.*', 'runs')).toBe(true);
    expect(mayBeginWith('*.x', 'runs')).toBe(true);
    expect(mayBeginWith('>', 'runs')).toBe(true);
    expect(mayBeginWith('orders.*', 'runs')).toBe(false);
  });

  it.each(['', 'a..b', '.a', 'a.', 'a b', 'a.>.b', 'a.b*', 'x'.repeat(MAX_TOPIC_CHARS + 1)])(
    'are refused with the reason: "%s"',
    (pattern) => {
      expect(patternProblem(pattern)).toBeTruthy();
      expect(topicProblem(pattern)).toBeTruthy();
    },
  );

  it.each(['orders.*', 'orders.>', '*'])('are no topics to publish under: %s', (pattern) => {
    expect(topicProblem(pattern)).toBeTruthy();
  });

  it.each(['orders', 'orders.new', 'Orders_2.a-b~c', Array(16).fill('x').join('.')])(
    'leave topics like %s to programs',
    (topic) => {
      expect(topicProblem(topic)).toBeUndefined();
      expect(topicProblem(`${topic}.${Array(16).fill('x').join('.')}`)).toContain('levels');
    },
  );
});
