import { describe, expect, it } from 'vitest';
import {
  isFinished,
  nextStatus,
  RUN_STATUSES,
  type LifecycleEvent,
  type RunStatus,
} from '../../src/domain/lifecycle.ts';

const EVENTS: readonly LifecycleEvent[] = [
  'start',
  'pause',
  'resume',
  'cancel',
  'stopped',
  'complete',
  'fail',
];

const ALLOWED: Readonly<Record<RunStatus, Partial<Record<LifecycleEvent, RunStatus>>>> = {
  pending: { start: 'running' },
  running: { pause: 'paused', cancel: 'cancelling', complete: 'completed', fail: 'failed' },
  paused: { resume: 'running', cancel: 'cancelling', complete: 'completed', fail: 'failed' },
  cancelling: { stopped: 'cancelled' },
  completed: {},
  failed: {},
  cancelled: {},
};

describe('the life of a run', () => {
  const pairs = RUN_STATUSES.flatMap((status) => EVENTS.map((event) => [status, event] as const));

  it.each(pairs)('%s: %s leads where it should, or nowhere', (status, event) => {
    expect(nextStatus(status, event)).toBe(ALLOWED[status][event]);
  });

  it('has no way out of a finished state, and only those count as finished', () => {
    const finished = RUN_STATUSES.filter(isFinished);
    expect(finished).toEqual(['completed', 'failed', 'cancelled']);
    for (const status of finished)
      expect(EVENTS.filter((event) => nextStatus(status, event) !== undefined)).toEqual([]);
  });
});
