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
import { cancel, complete, fail, pass, signal, start, work, workflow } from '../support/given.ts';

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

  it('are decided again when a reader caught the state up while one of them was refused', async () => {
    const key = await here.start(
      workflow([work('a'), work('b'), work('c', { needs: ['a', 'b'] })]),
    );
    const release = here.hold('commit');
    const answer = here.hold('findCommand');
    const first = here.send(key, signal('x'));
    const rest = [complete('c'), complete('a')].map((command) => here.send(key, command));
    release();
    await here.clock.advance(0);
    await other.send(key, complete('b'));
    await here.runs.refresh(key);
    answer();
    const [, refused, done] = await settled(here.clock, Promise.all([first, ...rest]));
    expect(refused).toMatchObject({ kind: 'rejected' });
    expect(done).toMatchObject({
      kind: 'committed',
      events: [{ type: 'StepCompleted' }, { type: 'StepsScheduled', steps: [{ step: 'c' }] }],
    });
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
