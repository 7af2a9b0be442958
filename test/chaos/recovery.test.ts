import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/domain/events.ts';
import type { RunFacts } from '../support/invariants.ts';
import { longestRecoveryMs } from './recovery.ts';

const HEALED = { healedAtMs: 1_000, leaseMs: 500 };

function at(occurredAtMs: number, commandId: string, body: object): RunEvent {
  return { occurredAtMs, commandId, body } as RunEvent; // as far as it is looked at
}

function facts(...events: RunEvent[]): RunFacts[] {
  return [{ events } as unknown as RunFacts]; // as far as it is looked at
}

const scheduled = (atMs: number): RunEvent =>
  at(atMs, 'start', { type: 'StepsScheduled', steps: [{ step: 'a', attempt: 1 }] });
const completed = (startedAtMs: number): RunEvent =>
  at(startedAtMs + 9, 'report:a#1', { type: 'StepCompleted', step: 'a', attempt: 1, startedAtMs });

describe('the time until work goes on', () => {
  it('counts from the healing, beyond the lease', () => {
    expect(longestRecoveryMs(facts(scheduled(200), completed(4_000)), HEALED)).toBe(2_500);
  });

  it('counts from when the work could be begun, where that was later', () => {
    expect(longestRecoveryMs(facts(scheduled(3_000), completed(4_000)), HEALED)).toBe(500);
  });

  it('is nothing within the lease, and does not count what was done before the healing', () => {
    expect(longestRecoveryMs(facts(scheduled(900), completed(1_400)), HEALED)).toBe(0);
    expect(longestRecoveryMs(facts(scheduled(0), completed(950)), HEALED)).toBe(0);
  });

  it('counts timers beyond the lease of timers', () => {
    const waiting = at(100, 'start', {
      type: 'StepWaiting',
      step: 'w',
      attempt: 1,
      dueAtMs: 2_000,
    });
    const fired = at(12_500, 'timer:wait:w#1', { type: 'StepCompleted', step: 'w', attempt: 1 });
    expect(longestRecoveryMs(facts(waiting, fired), HEALED)).toBe(500);
  });
});
