import { describe, expect, it } from 'vitest';
import { effectsOf } from '../../src/domain/effects.ts';
import {
  HISTORY_RESERVE_EVENTS,
  MAX_ASKED_APPROVALS,
  MAX_HISTORY_EVENTS,
} from '../../src/domain/limits.ts';
import {
  agent,
  approve,
  ask,
  cancel,
  complete,
  fire,
  given,
  pause,
  refuse,
  reportCancelled,
  start,
  START_MS,
  work,
  workflow,
  type Scenario,
  type When,
} from '../support/given.ts';

const effects = ({ plan }: Scenario, when: When) => effectsOf(plan, when.accepted(), () => []);
const busy = (): Scenario => given(workflow([agent('a'), work('w')]), start());

describe('an approval that an agent asks for', () => {
  it('is told under its id, and leaves the steps as they are', () => {
    const run = busy();
    run.when(ask('1', { step: 'a' })).thenEvents({
      type: 'ApprovalRequested',
      approvalId: 'ask:1',
      step: 'a',
      ask: { question: 'May I?', choices: ['approve'] },
      by: 'agent:a1',
    });
    run.after(ask('2'));
    expect(run.statuses()).toEqual({ a: 'scheduled', w: 'scheduled' });
    expect(run.state.run.awaitedPeople).toBe(2);
    expect(run.state.run.asked).toMatchObject([
      { approvalId: 'ask:1', by: 'agent:a1', step: 'a', askedAtMs: START_MS },
      { approvalId: 'ask:2', by: 'agent:a1', askedAtMs: START_MS },
    ]);
  });

  it('keeps its answer, beside those of others', () => {
    const run = busy().after(ask('1'), ask('2'));
    run.when(refuse('ask:2', { comment: 'no' })).thenEvents({
      type: 'ApprovalResolved',
      approvalId: 'ask:2',
      resolution: 'rejected',
      by: 'ann',
      via: 'terminal',
      comment: 'no',
    });
    expect(run.state.run.asked.map(({ answer }) => answer?.resolution)).toEqual([
      undefined,
      'rejected',
    ]);
    expect(run.state.run.awaitedPeople).toBe(1);
    run.after(approve('ask:1'));
    expect(run.state.run.asked[0]?.answer).toEqual({
      resolution: 'chosen',
      choice: 'approve',
      by: 'ann',
      via: 'terminal',
      comment: undefined,
    });
    expect(run.state.run.awaitedPeople).toBe(0);
  });

  it('is answered once, by its approvers, by one of its choices', () => {
    const question = { question: 'Which?', choices: ['x', 'y'], approvers: ['ann'] };
    const run = busy().after(ask('1', { ask: question }));
    run.when(approve('ask:1', { choice: 'x', by: 'eve' })).thenRefused('not_an_approver');
    run.when(approve('ask:1')).thenRefused('unknown_choice', /several/);
    run.when(approve('ask:1', { choice: 'z' })).thenRefused('unknown_choice', /"z"/);
    run.after(approve('ask:1', { choice: 'y' }));
    run.when(refuse('ask:1')).thenRefused('approval_resolved', /answered with "y" by ann already/);
    run.when(approve('ask:2')).thenRefused('unknown_approval');
  });

  it('expires by a timer of its own, and only while nobody has answered', () => {
    const run = busy();
    const when = run.when(ask('1', { expiresMs: 60_000 }));
    expect(effects(run, when).timers).toEqual([
      { timerId: 'approval:ask:1', dueAtMs: START_MS + 60_000 },
    ]);
    run
      .when(fire('approval:ask:1'))
      .thenEvents({ type: 'ApprovalResolved', approvalId: 'ask:1', resolution: 'expired' });
    run.when(fire('approval:ask:1')).thenNothing();
    run.when(approve('ask:1')).thenRefused('approval_expired', /has expired/);
    expect(run.state.run.awaitedPeople).toBe(0);
  });

  it('answered in time takes its timer back', () => {
    const run = busy().after(ask('1', { expiresMs: 60_000 }));
    expect(effects(run, run.when(approve('ask:1'))).cancelTimers).toEqual(['approval:ask:1']);
    run.when(fire('approval:ask:1')).thenNothing();
    expect(run.state.run.asked[0]?.answer?.resolution).toBe('chosen');
  });

  it('does not end by the timer of another', () => {
    const run = busy().after(ask('1'), ask('2', { expiresMs: 1 }), fire('approval:ask:2'));
    expect(run.state.run.asked.map(({ answer }) => answer?.resolution)).toEqual([
      undefined,
      'expired',
    ]);
  });

  it('is asked and answered while the run is paused', () => {
    const run = busy().after(pause, ask('1'), approve('ask:1'));
    expect([run.status, run.state.run.awaitedPeople]).toEqual(['paused', 0]);
  });

  it('does not hold the end of the run, after which nobody waits for it', () => {
    const run = busy().after(ask('1', { expiresMs: 60_000 }), complete('a'), complete('w'));
    expect([run.status, run.state.run.awaitedPeople]).toEqual(['completed', 0]);
    run.when(approve('ask:1')).thenRefused('already_finished', /nobody waits/);
    run.when(fire('approval:ask:1')).thenNothing();
    run.when(ask('2')).thenRefused('already_finished');
  });

  it('answered before the run ended is still told as answered', () => {
    const run = busy().after(ask('1'), approve('ask:1'), complete('a'), complete('w'));
    run.when(approve('ask:1')).thenRefused('approval_resolved');
  });

  it('in a run that is being cancelled is neither asked nor answered nor expired', () => {
    const run = busy().after(ask('1', { expiresMs: 1 }), cancel);
    run.when(ask('2')).thenRefused('cancelling');
    run.when(approve('ask:1')).thenRefused('cancelling');
    run.when(fire('approval:ask:1')).thenNothing();
    run.after(reportCancelled('w'));
    expect([run.status, run.state.run.awaitedPeople]).toEqual(['cancelled', 0]);
  });

  it('under an id of the run that is taken is refused, answered or not', () => {
    const run = busy().after(ask('1'));
    run.when(ask('1')).thenRefused('already_exists', /asked for before/);
    run.after(approve('ask:1'));
    run.when(ask('1')).thenRefused('already_exists');
    expect(run.state.run.asked).toHaveLength(1);
  });

  it('for a step that does not exist is refused', () => {
    busy()
      .when(ask('1', { step: 'ghost' }))
      .thenRefused('unknown_step', /ghost/);
  });

  it(`is refused past ${MAX_ASKED_APPROVALS} of a run, answered ones included`, () => {
    const run = busy();
    for (let count = 1; count <= MAX_ASKED_APPROVALS; count += 1)
      run.after(ask(`${count}`), approve(`ask:${count}`));
    run.when(ask('one_more')).thenRefused('too_many_approvals', /100 approvals/);
  });

  it('is refused when the history has room for the steps only, and says so', () => {
    const run = busy();
    const version = MAX_HISTORY_EVENTS - HISTORY_RESERVE_EVENTS;
    run.state.run = { ...run.state.run, version: version - 1 };
    run.when(ask('1')).thenEvents({ type: 'ApprovalRequested' });
    run.when(ask('2')).thenRefused('history_limit', /history is full \(19998 events\)/);
    run.when(approve('ask:1')).thenEvents({ type: 'ApprovalResolved' });
  });
});
