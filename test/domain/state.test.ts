import { describe, expect, it } from 'vitest';
import {
  draftOf,
  isTerminal,
  readSnapshot,
  restoreState,
  STEP_STATUSES,
  writeSnapshot,
} from '../../src/domain/state.ts';
import {
  agent,
  approval,
  ask,
  begin,
  checkpoint,
  complete,
  fail,
  fire,
  given,
  handOver,
  pass,
  refuse,
  reportUnknown,
  retry,
  signal,
  start,
  toAgent,
  toPerson,
  work,
  workflow,
  type Scenario,
} from '../support/given.ts';

const everything = workflow(
  [
    work('done'),
    work('again', retry(3)),
    work('broken'),
    work('pay', { effect: 'unsafe' }),
    work('running', { effect: 'unsafe' }),
    { id: 'w', uses: 'wait', with: { for: '1h' } },
    { id: 's', uses: 'signal', with: { name: 'go' }, timeout: '1h' },
    pass('skipped', { if: false }),
    work('half', { needs: ['done', 'w'] }),
    work('untouched', { needs: ['w'] }),
  ],
  { onFailure: 'continue' },
);

const busy = (): Scenario =>
  given(
    everything,
    start({ some: ['input'] }),
    signal('other', { n: 1 }),
    complete('done', { out: 1 }),
    fail('again', { details: [1] }, { heartbeat: { at: 5 } }),
    fail('broken'),
    begin('pay'),
    reportUnknown('pay'),
    begin('running'),
  );

function restored({ plan, state }: Scenario) {
  const snapshot = readSnapshot(writeSnapshot(plan, state));
  if (snapshot === undefined) throw new Error('the snapshot could not be read');
  return restoreState(plan, snapshot);
}

describe('a snapshot', () => {
  it('restores every field of a run in the middle of everything', () => {
    const run = busy();
    const copy = restored(run);
    expect(copy.run).toEqual(run.state.run);
    for (const { index } of run.plan.steps)
      expect(copy.steps.get(index)).toEqual(run.state.steps.get(index));
  });

  it('goes on as the original does', () => {
    const run = busy();
    const copy = restored(run);
    const before = writeSnapshot(run.plan, copy);
    run.after(fire('retry:again#1'), fire('wait:w#1'));
    expect(writeSnapshot(run.plan, copy)).toBe(before);
    const parsed = (text: string): unknown => JSON.parse(text);
    expect(parsed(writeSnapshot(run.plan, restored(run)))).toEqual(
      parsed(writeSnapshot(run.plan, run.state)),
    );
  });

  it('leaves out steps that nothing has touched', () => {
    const run = busy();
    const written = JSON.parse(writeSnapshot(run.plan, run.state)) as {
      steps: [number, unknown][];
    };
    expect(written.steps.map(([index]) => index)).not.toContain(run.plan.indexOf.get('untouched'));
    expect(written.steps.map(([index]) => index)).toContain(run.plan.indexOf.get('half'));
  });

  it('of a Baton without agents and people is read', () => {
    const run = busy();
    const written = JSON.parse(writeSnapshot(run.plan, run.state)) as { run: object };
    const added = ['awaitedPeople', 'asked', 'checkpoints'];
    const old = Object.fromEntries(
      Object.entries(written.run).filter(([key]) => !added.includes(key)),
    );
    const snapshot = readSnapshot(JSON.stringify({ ...written, run: old }));
    expect(snapshot?.run).toEqual(run.state.run);
  });

  it('restores all that agents and people have to do with the run', () => {
    const steps = [
      approval('gate', { choices: ['x', 'y'], approvers: ['ann'], expires: '1h' }),
      agent('offered', {}, { timeout: '1h' }),
      agent('passed_on'),
      agent('with_person'),
    ];
    const run = given(
      workflow(steps),
      start(),
      handOver('passed_on', toAgent('b'), { note: 'n', context: { c: 1 }, heartbeat: [2] }),
      handOver('with_person', toPerson('ann')),
      ask('1', { step: 'offered', expiresMs: 5 }),
      ask('2'),
      refuse('ask:2', { comment: 'no' }),
      checkpoint('here', { note: 'n', repository: { path: '/p', isDirty: false } }),
    );
    const copy = restored(run);
    expect(copy.run).toEqual(run.state.run);
    expect(copy.run).toMatchObject({ awaitedPeople: 3, asked: [{}, {}], checkpoints: [{}] });
    for (const { index } of run.plan.steps)
      expect(copy.steps.get(index)).toEqual(run.state.steps.get(index));
  });

  it('of another format is not read', () => {
    const run = busy();
    const written = JSON.parse(writeSnapshot(run.plan, run.state)) as object;
    expect(readSnapshot(JSON.stringify({ ...written, format: 2 }))).toBeUndefined();
    expect(readSnapshot('{}')).toBeUndefined();
    expect(readSnapshot(JSON.stringify({ ...written, run: { version: 'x' } }))).toBeUndefined();
  });
});

describe('a draft', () => {
  it('takes changes without touching its base until it is applied', () => {
    const { state } = busy();
    const draft = draftOf(state);
    const before = state.steps.get(0);
    draft.run = { ...draft.run, reason: 'changed' };
    draft.steps.set(0, { ...before, attempt: 9 });
    expect([state.run.reason, state.steps.get(0)]).toEqual([undefined, before]);
    draft.apply();
    expect([state.run.reason, state.steps.get(0).attempt]).toEqual(['changed', 9]);
  });
});

describe('terminal step states', () => {
  it('are the four that nothing follows', () => {
    expect(STEP_STATUSES.filter(isTerminal)).toEqual([
      'completed',
      'failed',
      'skipped',
      'cancelled',
    ]);
  });
});
