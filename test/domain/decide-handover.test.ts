import { describe, expect, it } from 'vitest';
import { effectsOf } from '../../src/domain/effects.ts';
import {
  HISTORY_RESERVE_EVENTS,
  MAX_HANDOVERS,
  MAX_HISTORY_EVENTS,
  MAX_RUN_BYTES,
} from '../../src/domain/limits.ts';
import {
  agent,
  answerTask,
  begin,
  cancel,
  complete,
  fail,
  fire,
  giveBack,
  given,
  handOver,
  pause,
  reportUnknown,
  resume,
  retry,
  start,
  START_MS,
  toAgent,
  toCapability,
  toPerson,
  work,
  workflow,
  type Scenario,
  type When,
} from '../support/given.ts';

const effects = ({ plan }: Scenario, when: When) => effectsOf(plan, when.accepted(), () => []);
const offered = (more = {}): Scenario =>
  given(workflow([agent('a', {}, more), work('w')]), start());

describe('handing a task over', () => {
  it('to an agent puts the same attempt into the queue of that agent', () => {
    const run = offered().elapse(5);
    const when = run.when(
      handOver('a', toAgent('gemini-1'), { note: 'half done', context: { file: 3 }, heartbeat: 7 }),
    );
    when.thenEvents({
      type: 'TaskHandedOver',
      step: 'a',
      attempt: 1,
      to: { kind: 'agent', name: 'gemini-1' },
      from: 'agent:a1',
      queue: 'agent@gemini-1',
      note: 'half done',
      context: { file: 3 },
      heartbeat: 7,
    });
    expect(effects(run, when)).toMatchObject({
      enqueue: [{ slot: 'a', attempt: 1, queue: 'agent@gemini-1' }],
      recall: [],
      timers: [],
      cancelTimers: [],
    });
    expect(run.step('a')).toMatchObject({
      status: 'scheduled',
      attempt: 1,
      queue: 'agent@gemini-1',
      heartbeat: 7,
      handover: { from: 'agent:a1', atMs: START_MS + 5, note: 'half done', count: 1 },
    });
  });

  it('to a capability puts it into the queue of that capability', () => {
    const run = offered();
    expect(effects(run, run.when(handOver('a', toCapability('test')))).enqueue).toEqual([
      { slot: 'a', attempt: 1, queue: 'agent:test' },
    ]);
  });

  it('to a person takes it out of the queues, and waits', () => {
    const run = offered();
    const when = run.when(handOver('a', toPerson('ann')));
    expect(when.only('TaskHandedOver').queue).toBeUndefined();
    expect(effects(run, when).enqueue).toEqual([]);
    expect(run.step('a').status).toBe('waiting');
    expect(run.state.run).toMatchObject({ awaitedPeople: 1, stepsInFlight: 1 });
    run.when(complete('a')).thenRefused('stale_attempt');
    run.when(giveBack('a')).thenNothing();
  });

  it('on from a person brings it back to agents', () => {
    const run = offered().after(handOver('a', toPerson()));
    const when = run.when(handOver('a', toCapability('review'), { from: 'person:ann' }));
    expect(effects(run, when).enqueue).toEqual([{ slot: 'a', attempt: 1, queue: 'agent:review' }]);
    expect(run.state.run).toMatchObject({ awaitedPeople: 0, stepsInFlight: 2 });
    run.after(complete('a'));
    expect(run.step('a').status).toBe('completed');
  });

  it('on from one person to another still waits for one', () => {
    const run = offered().after(
      handOver('a', toPerson('ann')),
      handOver('a', toPerson('bob'), { from: 'person:ann' }),
    );
    expect(run.step('a').handover).toMatchObject({ to: { name: 'bob' }, count: 2 });
    expect(run.state.run.awaitedPeople).toBe(1);
  });

  it('from a person is for that person alone, and from people for anyone', () => {
    const run = offered().after(handOver('a', toPerson('ann')));
    const back = (from: string) => handOver('a', toAgent('b'), { from });
    run.when(back('person:bob')).thenRefused('not_an_approver', /"ann"/);
    run.when(back('agent:a1')).thenRefused('not_an_approver');
    run.after(back('person:ann'), handOver('a', { kind: 'person' }), back('person:bob'));
    expect(run.step('a').status).toBe('scheduled');
  });

  it('keeps the context and heartbeat of the hand before, unless it brings its own', () => {
    const run = offered().after(
      handOver('a', toAgent('b'), { context: { seen: 1 }, heartbeat: { at: 1 }, note: 'one' }),
      handOver('a', toAgent('c'), { note: 'two' }),
    );
    expect(run.step('a')).toMatchObject({
      heartbeat: { at: 1 },
      handover: { context: { seen: 1 }, note: 'two', count: 2 },
    });
    run.after(handOver('a', toAgent('d'), { context: 'new', heartbeat: 2 }));
    expect(run.step('a')).toMatchObject({ heartbeat: 2, handover: { context: 'new', count: 3 } });
    expect(run.step('a').handover?.note).toBeUndefined();
  });

  it('is taken for the present attempt of an agent step only', () => {
    const run = offered(retry(3));
    const to = toAgent('b');
    for (const attempt of [0, 2])
      run.when(handOver('a', to, { attempt })).thenRefused('stale_attempt');
    run.when(handOver('w', to)).thenRefused('stale_attempt');
    run.when(handOver('ghost', to)).thenRefused('stale_attempt');
    run.after(fail('a'));
    run.when(handOver('a', to)).thenRefused('stale_attempt');
    run.after(fire('retry:a#1'));
    run.when(handOver('a', to)).thenRefused('stale_attempt', /Attempt 1 of step "a"/);
    run.after(handOver('a', to, { attempt: 2 }), complete('a', null, 2));
    run.when(handOver('a', to, { attempt: 2 })).thenRefused('stale_attempt');
  });

  it('is not taken of a step that waits in line, was cancelled, or has an unknown outcome', () => {
    const inLine = offered().after(pause, giveBack('a'));
    inLine.when(handOver('a', toPerson(), { attempt: 0 })).thenRefused('stale_attempt');
    const cancelled = offered().after(cancel);
    cancelled.when(handOver('a', toPerson())).thenRefused('stale_attempt');
    const unknown = offered({ effect: 'unsafe' }).after(begin('a'), reportUnknown('a'));
    unknown.when(handOver('a', toPerson())).thenRefused('stale_attempt');
  });

  it(`round in circles ends after ${MAX_HANDOVERS} times, and the task stays where it is`, () => {
    const run = offered();
    for (let count = 0; count < MAX_HANDOVERS; count += 1)
      run.after(handOver('a', count % 3 === 0 ? toPerson() : toAgent(`agent-${count % 3}`)));
    const before = run.step('a');
    run.when(handOver('a', toAgent('b'))).thenRefused('too_many_handovers', /20 times/);
    expect(run.step('a')).toEqual(before);
  });

  it('in circles is not reset by giving the task back, but by the next attempt', () => {
    const run = offered(retry(2));
    for (let count = 0; count < MAX_HANDOVERS; count += 1)
      run.after(handOver('a', toAgent('b')), giveBack('a'));
    run.when(handOver('a', toAgent('b'))).thenRefused('too_many_handovers');
    run.after(fail('a'), fire('retry:a#1'));
    run.when(handOver('a', toAgent('b'), { attempt: 2 })).thenEvents({ type: 'TaskHandedOver' });
  });

  it('with more context than the run has room for is refused', () => {
    const run = offered();
    run.runBytes = MAX_RUN_BYTES - 100;
    run.when(handOver('a', toPerson(), { note: 'x'.repeat(100) })).thenRefused('run_too_large');
    run.when(handOver('a', toPerson(), { context: 'x'.repeat(100) })).thenRefused('run_too_large');
    run.when(handOver('a', toPerson(), { note: 'short' })).thenEvents({ type: 'TaskHandedOver' });
  });

  it('is refused when the history has room for the steps only', () => {
    const run = offered();
    run.state.run = { ...run.state.run, version: MAX_HISTORY_EVENTS - HISTORY_RESERVE_EVENTS };
    run.when(handOver('a', toPerson())).thenRefused('history_limit');
    run.when(complete('a')).thenEvents({ type: 'StepCompleted' });
  });

  it('says that an unsafe effect is not under way', () => {
    const run = offered({ effect: 'unsafe' }).after(begin('a'), handOver('a', toAgent('b')));
    expect(run.step('a').begun).toBeUndefined();
    run.when(begin('a')).thenEvents({ type: 'StepStarted' });
    run.when(begin('a')).thenRefused('outcome_unknown');
  });
});

describe('after a handover', () => {
  it('a task that is given back is offered where it was handed to', () => {
    const run = offered().after(handOver('a', toAgent('b'), { note: 'n', context: 1 }));
    const when = run.when(giveBack('a'));
    expect(effects(run, when).enqueue).toEqual([{ slot: 'a', attempt: 1, queue: 'agent@b' }]);
    expect(run.step('a').handover).toMatchObject({ note: 'n', context: 1 });
  });

  it('so does one that a paused run held back', () => {
    const run = offered().after(handOver('a', toAgent('b')), pause, giveBack('a'));
    expect(run.step('a').status).toBe('ready');
    expect(effects(run, run.when(resume)).enqueue).toEqual([
      { slot: 'a', attempt: 1, queue: 'agent@b' },
    ]);
  });

  it('the next attempt is offered where the definition says, with nothing of it but the heartbeat', () => {
    const run = offered(retry(2)).after(handOver('a', toAgent('b'), { context: 1 }));
    run.after(fail('a', {}, { heartbeat: 'kept' }));
    expect(effects(run, run.when(fire('retry:a#1'))).enqueue).toEqual([
      { slot: 'a', attempt: 2, queue: 'agent:review' },
    ]);
    expect(run.step('a')).toMatchObject({ heartbeat: 'kept' });
    expect(run.step('a').handover).toBeUndefined();
  });

  it('a step whose outcome became unknown runs again where the definition says', () => {
    const run = offered({ effect: 'unsafe' });
    run.after(handOver('a', toAgent('b')), begin('a'), reportUnknown('a'));
    expect(run.step('a').handover).toBeUndefined();
    const when = run.when({ type: 'ResolveStep', step: 'a', resolution: 'retry' });
    expect(effects(run, when).enqueue).toEqual([{ slot: 'a', attempt: 2, queue: 'agent:review' }]);
  });

  it('the time limit stays that of the first offer', () => {
    const run = offered({ timeout: '1h', ...retry(2) }).elapse(1_000_000);
    run.after(handOver('a', toAgent('b')));
    expect(run.step('a').dueAtMs).toBe(START_MS + 3_600_000);
    run.when(fire('timeout:a#1')).thenEvents({ type: 'StepAttemptFailed' });
  });

  it('what was last heard of the work goes on to the next attempt, however this one ends', () => {
    for (const end of [answerTask('a', { resolution: 'failed' }), fire('timeout:a#1')]) {
      const run = offered({ timeout: '1h', ...retry(2) });
      run.after(handOver('a', toPerson(), { heartbeat: { at: 3 } }));
      expect(run.when(end).only('StepAttemptFailed').heartbeat).toEqual({ at: 3 });
      expect(run.after(fire('retry:a#1')).step('a').heartbeat).toEqual({ at: 3 });
    }
  });

  it('the timer of an earlier attempt does not touch one that stands in line', () => {
    const run = offered({ timeout: '1h', ...retry(2) });
    run.after(fail('a'), fire('retry:a#1'), handOver('a', toAgent('b'), { attempt: 2 }));
    run.after(pause, giveBack('a', 2));
    expect(run.step('a')).toMatchObject({ status: 'ready', attempt: 1 });
    run.when(fire('timeout:a#1')).thenNothing();
  });

  it('the time limit ends the wait for a person, too', () => {
    const run = offered({ timeout: '1h' }).after(handOver('a', toPerson()));
    run.when(fire('wait:a#1')).thenNothing();
    const when = run.when(fire('timeout:a#1'));
    expect(when.only('StepFailed').error.code).toBe('timeout');
    expect(run.state.run.awaitedPeople).toBe(0);
  });
});
