import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_HEARTBEAT_CHARS, type ClaimedTask } from '../../src/ports/work-source.ts';
import {
  createInstallation,
  TestProcess,
  until,
  type Installation,
} from '../support/application.ts';
import {
  begun,
  FakeHandler,
  LEASE_MS,
  startWorker,
  type TestWorker,
} from '../support/fake-worker.ts';
import { complete, work, workflow } from '../support/given.ts';

let installation: Installation;
let here: TestProcess;
let handler: FakeHandler;
const workers: TestWorker[] = [];

function worker(options: Parameters<typeof startWorker>[1] = {}, process = here): TestWorker {
  const started = startWorker(process, { handler, ...options });
  workers.push(started);
  return started;
}

/** As a worker does that dies right after. */
async function claimOnly(owner = 'dead', leaseDurationMs = LEASE_MS): Promise<ClaimedTask> {
  const { work: tasks } = await here.store.claimTasks({
    owner,
    queues: ['shell:true'],
    limit: 1,
    leaseDurationMs,
  });
  if (tasks[0] === undefined) throw new Error('nothing to claim');
  return tasks[0];
}

/** One slot: the worker cannot take its own task again when the lease has ended. */
const ALONE = { limit: 1 };

beforeEach(() => {
  installation = createInstallation();
  here = new TestProcess(installation);
  handler = new FakeHandler();
});

afterEach(async () => {
  for (const { stop } of workers.splice(0)) await stop().catch(() => undefined);
});

describe('a lease', () => {
  it('is renewed while the step runs', async () => {
    const key = await here.start(workflow([work('a')]));
    worker(ALONE);
    await begun(here, handler, 1);
    await here.clock.advance(10 * LEASE_MS);
    const stolen = await here.store.claimTasks({
      owner: 'thief',
      queues: ['shell:true'],
      limit: 1,
      leaseDurationMs: 1,
    });
    expect(stolen.work).toEqual([]);
    handler.attempt('a').complete();
    await until(here.clock, async () => (await here.status(key)) === 'completed');
  });

  it('that somebody else took stops the attempt, whose result is dropped', async () => {
    const key = await here.start(workflow([work('a')]));
    handler.isStubborn = true;
    worker(ALONE);
    await begun(here, handler, 1);
    const stalled = here.hold('renew');
    await here.clock.advance(LEASE_MS + 1);
    const theirs = await claimOnly('w2', 60_000);
    stalled();
    await here.clock.advance(0);
    expect(handler.attempt('a').context.signal.reason).toBe('lease_lost');
    handler.attempt('a').complete('mine');
    await here.clock.advance(0);
    expect(await here.types(key)).toEqual(['WorkflowStarted', 'StepsScheduled']);
    const report = await here.send(key, complete('a', 'theirs'), { acknowledge: theirs.lease });
    expect(report).toMatchObject({ kind: 'committed' });
    expect((await here.step(key, 'a')).output).toBe('theirs');
  });

  it('lost only when the report arrives drops the report, too', async () => {
    const key = await here.start(workflow([work('a')]));
    handler.isStubborn = true;
    worker(ALONE);
    await begun(here, handler, 1);
    here.inject('renew', 'fail', 100);
    await here.clock.advance(LEASE_MS);
    const theirs = await claimOnly('w2', 60_000);
    handler.attempt('a').complete('mine');
    await here.clock.advance(0);
    expect((await here.step(key, 'a')).status).toBe('scheduled');
    expect((await here.store.openWork(key)).tasks).toMatchObject([
      { lease: { owner: theirs.lease.owner } },
    ]);
  });

  it('that cannot be renewed is given up when it has ended', async () => {
    await here.start(workflow([work('a')]));
    worker(ALONE);
    await begun(here, handler, 1);
    const { signal } = handler.attempt('a').context;
    here.inject('renew', 'fail', 100);
    await here.clock.advance(LEASE_MS);
    expect(signal.aborted).toBe(false);
    await here.clock.advance(LEASE_MS);
    expect(signal.reason).toBe('lease_lost');
  });

  it('carries the newest heartbeat to the store, unless that is too long', async () => {
    const key = await here.start(workflow([work('a')]));
    worker(ALONE);
    await begun(here, handler, 1);
    const { context } = handler.attempt('a');
    context.heartbeat(1);
    context.heartbeat(2);
    await here.clock.advance(LEASE_MS / 3);
    expect((await here.store.openWork(key)).tasks[0]?.heartbeat).toBe(2);
    context.heartbeat('x'.repeat(MAX_HEARTBEAT_CHARS));
    await here.clock.advance(LEASE_MS);
    expect((await here.store.openWork(key)).tasks[0]?.heartbeat).toBe(2);
    expect(here.log).toContainEqual({ level: 'warn', message: 'heartbeat not kept' });
  });
});

describe('a report while the store is away', () => {
  it('is repeated until it is recorded', async () => {
    const key = await here.start(workflow([work('a')]));
    worker(ALONE);
    await begun(here, handler, 1);
    here.inject('commit', 'fail', 40);
    handler.attempt('a').complete('kept');
    await here.clock.advance(60_000);
    expect(await here.status(key)).toBe('completed');
    expect((await here.step(key, 'a')).output).toBe('kept');
  });

  it('is given up when the lease is lost meanwhile, and the step runs again', async () => {
    const key = await here.start(workflow([work('a')]));
    worker(ALONE);
    await begun(here, handler, 1);
    // Longer than the lease: the executor's own tries end before that, and the worker tries again.
    here.inject('commit', 'fail', 60);
    here.inject('renew', 'fail', 40);
    handler.attempt('a').complete('never recorded');
    await here.clock.advance(60_000);
    await begun(here, handler, 2);
    handler.attempt('a').complete('second');
    await here.clock.advance(60_000);
    expect((await here.step(key, 'a')).output).toBe('second');
  });

  it('does not keep a process that is to end: the lease runs out', async () => {
    await here.start(workflow([work('a')]));
    const { ended, stopClaiming, shutDown } = worker(ALONE);
    await begun(here, handler, 1);
    here.inject('commit', 'fail', 1_000);
    handler.attempt('a').complete('never recorded');
    await here.clock.advance(0);
    stopClaiming();
    shutDown();
    await here.clock.advance(20_000);
    await ended;
  });

  it('whose reply was lost is not recorded twice, and the handed-on task is not lost', async () => {
    const key = await here.start(workflow([work('a'), work('b', { needs: ['a'] })]));
    worker(ALONE);
    await begun(here, handler, 1);
    here.inject('commit', 'lose-reply');
    handler.attempt('a').complete();
    await here.clock.advance(2 * LEASE_MS);
    await begun(here, handler, 2);
    handler.attempt('b').complete();
    await until(here.clock, async () => (await here.status(key)) === 'completed');
    expect((await here.types(key)).filter((type) => type === 'StepCompleted')).toHaveLength(2);
  });
});
