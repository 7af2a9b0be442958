import { beforeEach, describe, expect, it } from 'vitest';
import type { Command } from '../../src/domain/commands.ts';
import type { RunKey } from '../../src/ports/run-store.ts';
import type { Lease } from '../../src/ports/work-source.ts';
import {
  createInstallation,
  settled,
  TestProcess,
  type Installation,
} from '../support/application.ts';
import {
  cancel,
  complete,
  fail,
  pass,
  pause,
  resume,
  signal,
  start,
  work,
  workflow,
} from '../support/given.ts';

let installation: Installation;
let here: TestProcess;
let other: TestProcess;

beforeEach(() => {
  installation = createInstallation();
  here = new TestProcess(installation);
  other = new TestProcess(installation);
});

const twoSteps = workflow([work('a'), work('b', { needs: ['a'] })]);

async function claim(process: TestProcess): Promise<Lease> {
  const { work: tasks } = await process.store.claimTasks({
    owner: 'w1',
    queues: ['shell:true'],
    limit: 1,
    leaseDurationMs: 10_000,
  });
  if (tasks[0] === undefined) throw new Error('nothing to claim');
  return tasks[0].lease;
}

describe('an accepted command', () => {
  it('answers the version and the events that the store holds', async () => {
    const key = await here.start(twoSteps);
    const outcome = await here.send(key, complete('a', 'out'));
    expect(outcome).toMatchObject({
      kind: 'committed',
      version: 4,
      events: [{ type: 'StepCompleted' }, { type: 'StepsScheduled' }],
    });
    expect(await here.types(key)).toEqual([
      'WorkflowStarted',
      'StepsScheduled',
      'StepCompleted',
      'StepsScheduled',
    ]);
  });

  it('writes who, why and when into every event', async () => {
    const key = await here.start(
      twoSteps,
      {},
      { traceparent: 'trace', actor: 'client:x', causationId: 'request:7' },
    );
    const [line = ''] = await here.store.readHistory(key, 1, 1);
    expect(JSON.parse(line)).toMatchObject({
      schemaVersion: 1,
      sequence: 1,
      occurredAtMs: here.clock.now(),
      commandId: 'start',
      causationId: 'request:7',
      actor: 'client:x',
      traceparent: 'trace',
    });
  });

  it('that brings no event is still recorded and acknowledges its work', async () => {
    const key = await here.start(twoSteps);
    const lease = await claim(here);
    const stale: Command = { type: 'ReturnStep', step: 'a', attempt: 9 };
    expect(await here.send(key, stale, { commandId: 'c', acknowledge: lease })).toMatchObject({
      kind: 'committed',
      version: 2,
      events: [],
    });
    expect((await here.store.openWork(key)).tasks).toEqual([]);
    expect(await here.send(key, stale, { commandId: 'c' })).toMatchObject({ kind: 'duplicate' });
  });

  it('writes the index entry only when the status changes', async () => {
    const key = await here.start(twoSteps);
    await here.send(key, complete('a'));
    await here.send(key, complete('b'));
    expect(here.commits.map(({ index }) => index?.status)).toEqual([
      'running',
      undefined,
      'completed',
    ]);
    const { runs } = await here.store.listRuns({ tenant: 'default', limit: 5 });
    expect(runs).toMatchObject([
      { name: 'example', status: 'completed', finishedAtMs: here.clock.now() },
    ]);
  });
});

describe('commands that wait for the same run', () => {
  it('share a commit, each on the state that the one before it leaves', async () => {
    const key = await here.start(
      workflow([work('a'), work('b'), work('c', { needs: ['a', 'b'] })]),
    );
    const before = here.commits.length;
    const release = here.hold('commit');
    const first = here.send(key, signal('x'));
    const rest = [complete('a'), complete('b'), complete('c')].map((command) =>
      here.send(key, command),
    );
    release();
    const outcomes = await settled(here.clock, Promise.all([first, ...rest]));
    expect(outcomes.map(({ kind }) => kind)).toEqual(Array(4).fill('committed'));
    expect(here.commits.length - before).toBe(2);
    expect(here.commits.at(-1)?.commands).toHaveLength(3);
    expect(await here.status(key)).toBe('completed');
  });

  it('are refused one by one without holding up the others', async () => {
    const key = await here.start(twoSteps);
    const release = here.hold('commit');
    const first = here.send(key, signal('x'));
    const rest = [complete('b'), complete('a')].map((command) => here.send(key, command));
    release();
    const [, refused, done] = await settled(here.clock, Promise.all([first, ...rest]));
    expect(refused).toMatchObject({ kind: 'rejected', rejection: { code: 'stale_attempt' } });
    expect(done).toMatchObject({ kind: 'committed' });
  });

  it('never exceed 64 in one commit', async () => {
    const key = await here.start(twoSteps);
    const before = here.commits.length;
    const all = Array.from({ length: 130 }, (_, at) => here.send(key, signal(`s${at}`)));
    await settled(here.clock, Promise.all(all));
    expect(here.commits.slice(before).map(({ commands }) => commands.length)).toEqual([
      1, 64, 64, 1,
    ]);
  });

  it('with one id between them are one command: the later one is told what the first was answered', async () => {
    const key = await here.start(twoSteps);
    const release = here.hold('commit');
    const first = here.send(key, signal('x'));
    const again = [1, 2].map(() =>
      here.send(key, signal('go'), { commandId: 'same', answer: { told: true } }),
    );
    release();
    const [, ...outcomes] = await settled(here.clock, Promise.all([first, ...again]));
    expect(outcomes).toMatchObject([
      { kind: 'committed' },
      { kind: 'duplicate', answer: { told: true } },
    ]);
    expect(await here.types(key)).toEqual([
      'WorkflowStarted',
      'StepsScheduled',
      'SignalReceived',
      'SignalReceived',
    ]);
  });

  it('survive one whose lease is lost: only that one is told so', async () => {
    const key = await here.start(workflow([work('a'), work('b')]));
    const lease = await claim(here);
    await here.clock.advance(10_001);
    await claim(other);
    const release = here.hold('commit');
    const first = here.send(key, signal('x'));
    const rest = [
      here.send(key, complete('a'), { acknowledge: lease }),
      here.send(key, signal('y')),
    ];
    release();
    const [, lost, kept] = await settled(here.clock, Promise.all([first, ...rest]));
    expect([lost?.kind, kept?.kind]).toEqual(['leaseLost', 'committed']);
    expect((await here.step(key, 'a')).status).toBe('scheduled');
  });
});

describe('another process', () => {
  it('that was faster makes the command be decided again on what it wrote', async () => {
    const key = await here.start(
      workflow([work('a'), work('b'), work('c', { needs: ['a', 'b'] })]),
    );
    await other.send(key, complete('a'));
    const outcome = await here.send(key, complete('b'));
    expect(outcome).toMatchObject({
      kind: 'committed',
      version: 5,
      events: [
        { type: 'StepCompleted' },
        { type: 'StepsScheduled', steps: [{ step: 'c', attempt: 1 }] },
      ],
    });
    expect(here.commits.slice(-2).map(({ expectedVersion }) => expectedVersion)).toEqual([2, 3]);
  });

  it('may have made possible what an old cache refuses', async () => {
    const key = await here.start(twoSteps);
    await other.send(key, complete('a'));
    expect(await here.send(key, complete('b'))).toMatchObject({ kind: 'committed' });
  });

  it('may have ended the run that an old cache still continues', async () => {
    const key = await here.start(workflow([work('a')]));
    await other.send(key, complete('a'));
    expect(await here.send(key, cancel)).toMatchObject({
      kind: 'rejected',
      rejection: { code: 'already_finished' },
    });
  });

  it('that starts a run with the same key makes one run between them', async () => {
    const key: RunKey = { tenant: 'default', runId: 'same' };
    const outcomes = await Promise.all([
      here.startAs(key, twoSteps, {}, { digest: 'd', answer: { first: true } }),
      other.startAs(key, twoSteps, {}, { digest: 'd', answer: { first: true } }),
    ]);
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['committed', 'duplicate']);
    expect(outcomes.find(({ kind }) => kind === 'duplicate')).toMatchObject({
      answer: { first: true },
    });
    expect((await here.types(key)).filter((type) => type === 'WorkflowStarted')).toHaveLength(1);
  });
});

describe('a repeated command', () => {
  it('is answered as the first time, also after the run has moved on', async () => {
    const key: RunKey = { tenant: 'default', runId: 'k' };
    await here.startAs(key, twoSteps, {}, { digest: 'd' });
    await here.send(key, complete('a'));
    const again = await here.startAs(key, twoSteps, {}, { digest: 'd' });
    expect(again).toEqual({ kind: 'duplicate', answer: { version: 2 } });
    await here.send(key, complete('b'));
    const late = await new TestProcess(installation).startAs(key, twoSteps, {}, { digest: 'd' });
    expect(late).toEqual({ kind: 'duplicate', answer: { version: 2 } });
  });

  it('with another payload is refused', async () => {
    const key: RunKey = { tenant: 'default', runId: 'k' };
    await here.startAs(key, twoSteps, {}, { digest: 'd' });
    for (const process of [here, other])
      expect(await process.startAs(key, twoSteps, { changed: 1 }, { digest: 'e' })).toEqual({
        kind: 'keyReused',
      });
    await here.send(key, pause, { commandId: 'p', digest: '1' });
    expect(await here.send(key, resume, { commandId: 'p', digest: '2' })).toEqual({
      kind: 'keyReused',
    });
    expect(await here.status(key)).toBe('paused');
  });

  it('whose first reply was lost is a duplicate, and was applied once', async () => {
    const key = await here.start(twoSteps);
    here.inject('commit', 'lose-reply');
    const outcome = await settled(here.clock, here.send(key, signal('x'), { answer: { said: 1 } }));
    expect(outcome).toEqual({ kind: 'duplicate', answer: { said: 1 } });
    expect(await here.types(key)).toEqual(['WorkflowStarted', 'StepsScheduled', 'SignalReceived']);
  });

  it('that ended the run, with its first reply lost, is a duplicate and not "already finished"', async () => {
    const key = await here.start(workflow([work('a')]));
    here.inject('commit', 'lose-reply');
    const outcome = await settled(here.clock, here.send(key, complete('a')));
    expect(outcome).toMatchObject({ kind: 'duplicate' });
  });

  it('does not drag down the others of a commit whose reply was lost', async () => {
    const key = await here.start(twoSteps);
    const release = here.hold('commit');
    const first = here.send(key, signal('x'));
    const rest = [here.send(key, signal('y')), here.send(key, signal('z'))];
    await here.clock.advance(0);
    release();
    await first;
    here.inject('commit', 'lose-reply');
    const outcomes = await settled(here.clock, Promise.all(rest));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['duplicate', 'duplicate']);
    expect((await here.types(key)).slice(2)).toEqual(Array(3).fill('SignalReceived'));
  });
});

describe('a store that is away', () => {
  it('for a moment is tried again', async () => {
    const key = await here.start(twoSteps);
    here.inject('commit', 'fail', 3);
    here.inject('load', 'fail');
    expect(await settled(here.clock, here.send(key, signal('x')))).toMatchObject({
      kind: 'committed',
    });
  });

  it('for good is reported after some ten seconds, and repeating with the same id settles it', async () => {
    const key = await here.start(twoSteps);
    here.inject('commit', 'fail', 1_000);
    here.inject('load', 'fail', 1_000);
    const startedMs = here.clock.now();
    const outcome = await settled(here.clock, here.send(key, signal('x'), { commandId: 'again' }));
    expect(outcome).toMatchObject({ kind: 'unavailable' });
    const tookMs = here.clock.now() - startedMs;
    expect(tookMs).toBeGreaterThan(2_000);
    expect(tookMs).toBeLessThan(30_000);
    expect(await other.send(key, signal('x'), { commandId: 'again' })).toMatchObject({
      kind: 'committed',
    });
  });

  it('when the repetition of a refused command is looked up answers unavailable, never a false refusal', async () => {
    const key = await here.start(workflow([work('a')]));
    await here.send(key, complete('a'), { commandId: 'done' });
    here.inject('findCommand', 'fail', 1_000);
    const outcome = await settled(here.clock, here.send(key, complete('a'), { commandId: 'done' }));
    expect(outcome).toMatchObject({ kind: 'unavailable' });
  });
});

describe('what does not exist', () => {
  it('is an unknown run', async () => {
    expect(await here.send({ tenant: 'default', runId: 'none' }, cancel)).toEqual({
      kind: 'unknownRun',
    });
  });

  it('is the run of another tenant', async () => {
    const { runId } = await here.start(twoSteps);
    expect(await here.send({ tenant: 'theirs', runId }, cancel)).toEqual({ kind: 'unknownRun' });
  });
});

describe('a refused start', () => {
  it('leaves nothing behind', async () => {
    const key: RunKey = { tenant: 'default', runId: 'k' };
    const typed = { ...twoSteps, input: { type: 'object', required: ['x'] } };
    expect(await here.startAs(key, typed, {})).toMatchObject({
      kind: 'rejected',
      rejection: { code: 'invalid_input' },
    });
    expect(await here.store.load(key)).toBeUndefined();
    expect(await here.startAs(key, typed, { x: 1 })).toMatchObject({ kind: 'committed' });
  });
});

describe('handing on', () => {
  it('gives the next step to the worker that completed the last, with a lease of its own', async () => {
    const key = await here.start(twoSteps);
    const lease = await claim(here);
    const outcome = await here.send(key, complete('a'), {
      acknowledge: lease,
      canContinue: (queue) => queue === 'shell:true',
    });
    expect(outcome).toMatchObject({
      kind: 'committed',
      next: { slot: 'b', attempt: 1, queue: 'shell:true', delivery: 1, runVersion: 4 },
    });
    expect(here.commits.at(-1)?.enqueue).toEqual([]);
    const nobody = await other.store.claimTasks({
      owner: 'w2',
      queues: ['shell:true'],
      limit: 1,
      leaseDurationMs: 1,
    });
    expect(nobody.work).toEqual([]);
    if (outcome.kind !== 'committed' || outcome.next === undefined)
      throw new Error('nothing was handed on');
    expect(await here.send(key, complete('b'), { acknowledge: lease })).toEqual({
      kind: 'leaseLost',
    });
    expect(await here.send(key, complete('b'), { acknowledge: outcome.next.lease })).toMatchObject({
      kind: 'committed',
    });
  });

  it('takes one step; the others go to the queues', async () => {
    const key = await here.start(
      workflow([work('a'), work('b', { needs: ['a'] }), work('c', { needs: ['a'] })]),
    );
    const acknowledge = await claim(here);
    const outcome = await here.send(key, complete('a'), { acknowledge, canContinue: () => true });
    expect(outcome).toMatchObject({ next: { slot: 'b' } });
    expect(here.commits.at(-1)?.enqueue).toMatchObject([{ slot: 'c' }]);
  });

  it('does not happen for a queue that the sender does not serve', async () => {
    const key = await here.start(
      workflow([work('a'), work('b', { needs: ['a'], with: { command: ['git'] } })]),
    );
    const acknowledge = await claim(here);
    const outcome = await here.send(key, complete('a'), {
      acknowledge,
      canContinue: (queue) => queue === 'shell:true',
    });
    expect(outcome).not.toHaveProperty('next');
    expect(here.commits.at(-1)?.enqueue).toEqual([{ slot: 'b', attempt: 1, queue: 'shell:git' }]);
  });
});

describe('a defect', () => {
  const ghost = { type: 'NoSuchCommand' } as unknown as Command; // what a bug in a caller would send

  it('rejects for whoever sent it', async () => {
    const key = await here.start(twoSteps);
    await expect(here.send(key, ghost)).rejects.toThrow(/NoSuchCommand/);
  });

  it('leaves the run usable', async () => {
    const key = await here.start(twoSteps);
    await here.send(key, ghost).catch(() => undefined);
    expect(await here.send(key, complete('a'))).toMatchObject({ kind: 'committed' });
  });
});

describe('a reader that refreshes the run while a commit is in flight', () => {
  it('leaves the cache as the store has it', async () => {
    const key = await here.start(twoSteps);
    const release = here.hold('commit');
    const sent = here.send(key, complete('a', 'out'));
    await here.clock.advance(0);
    const holdLoad = here.hold('load');
    const read = here.runs.refresh(key);
    release();
    await here.clock.advance(0);
    holdLoad();
    const [outcome, run] = await settled(here.clock, Promise.all([sent, read]));
    expect(outcome).toMatchObject({ kind: 'committed', version: 4 });
    expect(run?.state.run.version).toBe(4);
    expect(await here.send(key, complete('b'))).toMatchObject({ kind: 'committed', version: 6 });
    expect(here.commits).toHaveLength(3);
  });

  it('may see the commit before its reply does, without counting it twice', async () => {
    const key = await here.start(twoSteps);
    const { store } = here;
    const { promise: applied, resolve: isApplied } = Promise.withResolvers<undefined>();
    const { promise: mayReply, resolve: reply } = Promise.withResolvers<undefined>();
    const commit = store.commit.bind(store);
    store.commit = async (request) => {
      const result = await commit(request);
      isApplied(undefined);
      await mayReply;
      return result;
    };
    const sent = here.send(key, complete('a', 'out'));
    await applied;
    expect((await here.runs.refresh(key))?.state.run.version).toBe(4);
    reply(undefined);
    expect(await sent).toMatchObject({ kind: 'committed', version: 4 });
    expect((await here.runs.get(key))?.state.run).toMatchObject({ version: 4, completedSteps: 1 });
  });
});

describe('engine steps', () => {
  it('run in the commit that makes them ready', async () => {
    const key = await here.start(workflow([pass('a'), pass('b', { needs: ['a'] })]));
    expect(here.commits).toHaveLength(1);
    expect(await here.status(key)).toBe('completed');
  });

  it('of a failed run leave it failed', async () => {
    const key = await here.start(workflow([work('a')]));
    expect(await here.send(key, fail('a'))).toMatchObject({ kind: 'committed' });
    expect(await here.send(key, start())).toMatchObject({
      kind: 'rejected',
      rejection: { code: 'already_exists' },
    });
  });
});
