import { describe, expect, it } from 'vitest';
import type { RepositoryState } from '../../src/domain/events.ts';
import {
  HISTORY_RESERVE_EVENTS,
  MAX_CHECKPOINTS,
  MAX_HISTORY_EVENTS,
} from '../../src/domain/limits.ts';
import { readSnapshot, restoreState, writeSnapshot } from '../../src/domain/state.ts';
import {
  cancel,
  checkpoint,
  complete,
  given,
  pause,
  start,
  START_MS,
  work,
  workflow,
} from '../support/given.ts';

const busy = () => given(workflow([work('a'), work('b', { needs: ['a'] })]), start());
const repository: RepositoryState = {
  path: '/home/someone/project',
  commit: 'f00d',
  branch: 'main',
  isDirty: true,
  diff: { artifactId: 'sha256-1', bytes: 120, files: 2 },
};

describe('a checkpoint', () => {
  it('names the point right after itself', () => {
    const run = busy().after(complete('a')).elapse(10);
    run
      .when(checkpoint('before b', { note: 'all good', repository }))
      .thenEvents({ type: 'CheckpointCreated', name: 'before b', note: 'all good', repository });
    expect(run.state.run.checkpoints).toEqual([
      {
        sequence: run.history.length,
        atMs: START_MS + 10,
        name: 'before b',
        note: 'all good',
        repository,
      },
    ]);
    expect(run.history[run.history.length - 1]?.event.type).toBe('CheckpointCreated');
  });

  it('leaves everything else as it is, and the run goes on', () => {
    const run = busy();
    const before = run.statuses();
    run.after(checkpoint('now'), pause, checkpoint('paused'));
    expect([run.status, run.statuses()]).toEqual(['paused', before]);
    expect(run.state.run.checkpoints.map(({ sequence }) => sequence)).toEqual([3, 5]);
  });

  it('comes back from a snapshot with all it names', () => {
    const run = busy().after(
      checkpoint('one'),
      checkpoint('two', {
        note: 'n',
        repository: { path: '/p', isDirty: true, diffLeftOut: 'too large' },
      }),
      checkpoint('three', { repository }),
    );
    const snapshot = readSnapshot(writeSnapshot(run.plan, run.state));
    if (snapshot === undefined) throw new Error('the snapshot could not be read');
    expect(restoreState(run.plan, snapshot).run).toEqual(run.state.run);
  });

  it('is refused once the run is over', () => {
    const run = busy().after(complete('a'), complete('b'));
    run.when(checkpoint('late')).thenRefused('already_finished');
  });

  it('can be made while the run is being cancelled', () => {
    const run = busy().after(cancel);
    run.when(checkpoint('last')).thenEvents({ type: 'CheckpointCreated' });
  });

  it(`is refused past ${MAX_CHECKPOINTS} of a run`, () => {
    const run = busy();
    for (let count = 0; count < MAX_CHECKPOINTS; count += 1) run.after(checkpoint('again'));
    run.when(checkpoint('again')).thenRefused('too_many_checkpoints', /100 checkpoints/);
  });

  it('is refused when the history has room for the steps only', () => {
    const run = busy();
    run.state.run = { ...run.state.run, version: MAX_HISTORY_EVENTS - HISTORY_RESERVE_EVENTS };
    run.when(checkpoint('full')).thenRefused('history_limit');
    expect(run.state.run.checkpoints).toEqual([]);
  });
});
