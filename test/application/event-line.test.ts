import { describe, expect, it } from 'vitest';
import { eventLine } from '../../src/application/runs/event-line.ts';
import type { EventBody } from '../../src/domain/events.ts';

const AT_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const AT = '2026-01-02T03:04:05.000Z';
const at = { step: 'build', attempt: 2 };
const error = { code: 'exit_2', message: 'it\nbroke' };

function textOf(body: EventBody): string {
  return eventLine({
    schemaVersion: 1,
    sequence: 1,
    occurredAtMs: AT_MS,
    commandId: 'c',
    causationId: 'r',
    actor: 'engine',
    body,
  }).text;
}

describe('an event in one line', () => {
  it.each<[string, EventBody]>([
    ['queued build (attempt 2)', { type: 'StepsScheduled', steps: [at] }],
    [`build waits for ${AT}`, { type: 'StepWaiting', ...at, dueAtMs: AT_MS }],
    [
      `build waits for signal "go" until ${AT}`,
      { type: 'StepWaiting', ...at, signal: 'go', dueAtMs: AT_MS },
    ],
    ['build begins its unsafe effect (attempt 2)', { type: 'StepStarted', ...at }],
    [
      'build completed (attempt 2) at w1',
      { type: 'StepCompleted', ...at, worker: 'w1', output: null },
    ],
    [
      'build broke its output contract: a.b must be text',
      { type: 'ContractViolated', ...at, violations: [{ path: 'a.b', message: 'must be text' }] },
    ],
    [
      `build attempt 2 failed, retried at ${AT}: exit_2: it broke`,
      { type: 'StepAttemptFailed', ...at, error, retryAtMs: AT_MS },
    ],
    ['build failed (attempt 2): exit_2: it broke', { type: 'StepFailed', ...at, error }],
    [
      'skipped build (upstream)',
      { type: 'StepsSkipped', steps: [{ step: 'build', reason: 'upstream' }] },
    ],
    ['build is in line for attempt 3', { type: 'StepReadied', ...at }],
    ['build outcome unknown: it died', { type: 'StepOutcomeUnknown', ...at, reason: 'it died' }],
    ['cancelled build', { type: 'StepsCancelled', steps: [at] }],
    ['signal "go" received', { type: 'SignalReceived', name: 'go', payload: null }],
    ['paused: lunch', { type: 'WorkflowPaused', reason: 'lunch' }],
    ['resumed', { type: 'WorkflowResumed' }],
    ['cancellation requested', { type: 'CancellationRequested' }],
    ['run completed', { type: 'WorkflowCompleted', output: null }],
    ['run failed: exit_2: it broke', { type: 'WorkflowFailed', error }],
    ['run cancelled', { type: 'WorkflowCancelled' }],
  ])('%s', (expected, body) => {
    expect(textOf(body)).toBe(expected);
  });

  it('counts what a long list leaves out, and cuts long messages', () => {
    const steps = Array.from({ length: 64 }, (_, index) => ({ step: `s${index}`, attempt: 1 }));
    expect(textOf({ type: 'StepsScheduled', steps })).toMatch(/s7 and 56 more$/);
    const long = { code: 'x', message: 'y'.repeat(5_000) };
    expect(textOf({ type: 'StepFailed', ...at, error: long }).length).toBeLessThan(300);
  });
});
