import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { idempotencyKeyOf } from '../../src/application/idempotency-key.ts';
import { MAX_DELIVERIES, MAX_PAYLOAD_BYTES } from '../../src/domain/limits.ts';
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
import { complete, pass, pause, resume, retry, work, workflow } from '../support/given.ts';

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

describe('what a handler is given', () => {
  it('is the evaluated input, the run and where it starts from', async () => {
    const echo = { command: ['true', '${{ input.text }}'] };
    const key = await here.start(workflow([work('a', { with: echo }), work('b')]), {
      text: 'hello',
    });
    worker();
    await begun(here, handler, 2);
    expect(handler.attempt('a').context).toMatchObject({
      tenant: 'default',
      runId: key.runId,
      workflow: 'example',
      step: 'a',
      attempt: 1,
      input: { command: ['true', 'hello'] },
      workspace: '/home/someone/project',
    });
    expect(handler.attempt('b').context.input).toEqual({ command: ['true'] });
    expect(handler.attempt('b').context.lastHeartbeat).toBeUndefined();
  });

  it('has one idempotency key over all attempts of a step, and another for every other step', async () => {
    const key = await here.start(workflow([work('a', retry(2)), work('b')]));
    worker();
    await begun(here, handler, 2);
    const first = handler.attempt('a').context.idempotencyKey;
    handler.attempt('a').fail();
    await until(here.clock, async () => (await here.step(key, 'a')).status === 'retrying');
    await here.send(key, { type: 'FireTimer', timerId: 'retry:a#1' });
    await begun(here, handler, 3);
    const { context } = handler.attempt('a');
    expect([context.attempt, context.idempotencyKey]).toEqual([2, first]);
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(handler.attempt('b').context.idempotencyKey).not.toBe(first);
    expect(idempotencyKeyOf(key, 'a')).toBe(first);
    expect(idempotencyKeyOf(key, 'a', 'compensate')).not.toBe(first);
    expect(idempotencyKeyOf({ ...key, tenant: 'theirs' }, 'a')).not.toBe(first);
  });
});

describe('what a handler answers', () => {
  it('is recorded with the worker and when it began', async () => {
    const key = await here.start(workflow([work('a')]));
    worker();
    await begun(here, handler, 1);
    const startedAtMs = here.clock.now();
    await here.clock.advance(700);
    handler.attempt('a').complete({ n: 1 });
    await until(here.clock, async () => (await here.status(key)) === 'completed');
    expect((await here.history(key)).find(({ type }) => type === 'StepCompleted')).toEqual({
      type: 'StepCompleted',
      step: 'a',
      attempt: 1,
      output: { n: 1 },
      worker: 'w1',
      startedAtMs,
    });
  });

  it('is a failure by the policy of the step', async () => {
    const key = await here.start(workflow([work('a', retry(2))]));
    worker();
    await begun(here, handler, 1);
    handler.attempt('a').context.heartbeat({ page: 9 });
    handler.attempt('a').fail({ code: 'exit_3', message: 'no', retryAfterMs: 60_000 });
    await until(here.clock, async () => (await here.step(key, 'a')).status === 'retrying');
    expect(await here.step(key, 'a')).toMatchObject({
      error: { code: 'exit_3', message: 'no' },
      dueAtMs: here.clock.now() + 60_000,
      heartbeat: { page: 9 },
    });
    await here.send(key, { type: 'FireTimer', timerId: 'retry:a#1' });
    await begun(here, handler, 2);
    expect(handler.attempt('a').context.lastHeartbeat).toEqual({ page: 9 });
    // A later failure without a heartbeat of its own keeps the last one.
    expect((await here.step(key, 'a')).heartbeat).toEqual({ page: 9 });
  });

  it.each([
    [new Error('oops'), 'oops'],
    ['a string', 'a string'],
  ])('is handler_error when it throws %j', async (thrown, message) => {
    const key = await here.start(workflow([work('a')]));
    worker();
    await begun(here, handler, 1);
    handler.attempt('a').crash(thrown);
    await until(here.clock, async () => (await here.status(key)) === 'failed');
    expect((await here.step(key, 'a')).error).toEqual({ code: 'handler_error', message });
  });

  it('fails the step for good when it is too large', async () => {
    const key = await here.start(workflow([work('a', retry(5))]));
    worker();
    await begun(here, handler, 1);
    handler.attempt('a').complete('x'.repeat(MAX_PAYLOAD_BYTES - 1));
    await until(here.clock, async () => (await here.status(key)) === 'failed');
    expect((await here.step(key, 'a')).error).toMatchObject({ code: 'output_too_large' });
    expect(handler.attempts).toHaveLength(1);
  });

  it('may be exactly as large as the limit', async () => {
    const key = await here.start(workflow([work('a')]));
    worker();
    await begun(here, handler, 1);
    handler.attempt('a').complete('x'.repeat(MAX_PAYLOAD_BYTES - 2));
    await until(here.clock, async () => (await here.status(key)) === 'completed');
  });
});

describe('time limits', () => {
  it('stop an attempt that takes too long, which is retried', async () => {
    const key = await here.start(workflow([work('a', { timeout: '5s', ...retry(2) })]));
    worker();
    await begun(here, handler, 1);
    await here.clock.advance(4_999);
    expect(handler.attempt('a').context.signal.aborted).toBe(false);
    await here.clock.advance(1);
    await until(here.clock, async () => (await here.step(key, 'a')).status === 'retrying');
    expect((await here.step(key, 'a')).error).toEqual({
      code: 'timeout',
      message: 'did not finish within 5000 ms',
    });
  });

  it('stop an attempt that sends no heartbeat in time; every heartbeat gives it new time', async () => {
    const key = await here.start(workflow([work('a', { heartbeat: '2s' })]));
    worker();
    await begun(here, handler, 1);
    const { context } = handler.attempt('a');
    for (let beat = 0; beat < 3; beat += 1) {
      await here.clock.advance(1_900);
      context.heartbeat({ beat });
    }
    expect(context.signal.aborted).toBe(false);
    await here.clock.advance(2_000);
    await until(here.clock, async () => (await here.status(key)) === 'failed');
    expect((await here.step(key, 'a')).error).toEqual({
      code: 'heartbeat_timeout',
      message: 'sent no heartbeat within 2000 ms',
    });
  });

  it('do not undo a result that comes in spite of them', async () => {
    handler.isStubborn = true;
    const key = await here.start(workflow([work('a', { timeout: '5s' })]));
    worker();
    await begun(here, handler, 1);
    await here.clock.advance(6_000);
    handler.attempt('a').complete('late but here');
    await until(here.clock, async () => (await here.status(key)) === 'completed');
    expect((await here.step(key, 'a')).output).toBe('late but here');
  });
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
    expect(here.log).toContainEqual({ level: 'warn', message: 'heartbeat payload not kept' });
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
    // The executor gives up a report after 24 tries, some ten seconds: two of them outlast the lease.
    here.inject('commit', 'fail', 60);
    here.inject('renew', 'fail', 40);
    handler.attempt('a').complete('never recorded');
    await here.clock.advance(60_000);
    await begun(here, handler, 2);
    handler.attempt('a').complete('second');
    await here.clock.advance(60_000);
    expect((await here.step(key, 'a')).output).toBe('second');
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

describe('a task that is not to run', () => {
  it('because its attempt is over is dropped', async () => {
    const key = await here.start(workflow([work('a'), work('b')]));
    const task = await claimOnly('slow', 1_000);
    await here.send(key, complete(task.slot));
    await here.clock.advance(1_000);
    worker();
    await begun(here, handler, 1);
    await here.clock.advance(1_000);
    expect(handler.steps()).toEqual(['b']);
    expect((await here.store.openWork(key)).tasks.map(({ slot }) => slot)).toEqual(['b']);
  });

  it('because too many workers took it and vanished fails as poison', async () => {
    const key = await here.start(workflow([work('a', retry(5))]));
    for (let delivery = 0; delivery < MAX_DELIVERIES; delivery += 1) {
      await claimOnly(`dead${delivery}`, 1_000);
      await here.clock.advance(1_000);
    }
    worker();
    await until(here.clock, async () => (await here.status(key)) === 'failed');
    expect((await here.step(key, 'a')).error).toMatchObject({ code: 'poison' });
    expect(handler.attempts).toHaveLength(0);
  });

  it('is run when one worker fewer has vanished', async () => {
    await here.start(workflow([work('a')]));
    for (let delivery = 1; delivery < MAX_DELIVERIES; delivery += 1) {
      await claimOnly(`dead${delivery}`, 1_000);
      await here.clock.advance(1_000);
    }
    worker();
    await begun(here, handler, 1);
  });

  it('because its run is gone is dropped', async () => {
    const key = await here.start(workflow([work('a')]));
    const { runs, store } = here;
    runs.get = async () => undefined;
    runs.refresh = async () => undefined;
    worker();
    await until(here.clock, async () => (await store.openWork(key)).tasks.length === 0);
    expect(handler.attempts).toHaveLength(0);
  });

  it('is judged by the run as it is now, not by an old cache', async () => {
    const slow = new TestProcess(installation);
    const key = await here.start(workflow([work('a'), work('b', { needs: ['a'] })]));
    await slow.runs.get(key);
    await here.send(key, complete('a', 'from elsewhere'));
    worker({}, slow);
    await begun(here, handler, 1);
    expect(handler.steps()).toEqual(['b']);
  });

  it('because a pause came first runs once resumed, although the worker saw the pause late', async () => {
    const key = await here.start(workflow([work('a')]));
    await here.send(key, pause);
    await here.runs.get(key);
    const other = new TestProcess(installation);
    await other.send(key, resume);
    worker();
    await begun(here, handler, 1);
    handler.attempt('a').complete();
    await until(here.clock, async () => (await here.status(key)) === 'completed');
  });
});

describe('an unsafe step', () => {
  const unsafe = workflow([
    work('pay', { effect: 'unsafe', ...retry(3) }),
    pass('next', { needs: ['pay'] }),
  ]);
  const isUnknown = async (key: Parameters<TestProcess['step']>[0]) =>
    (await here.step(key, 'pay')).status === 'unknown';

  it('begins only after StepStarted is durable', async () => {
    const key = await here.start(unsafe);
    const release = here.hold('commit');
    worker();
    await here.clock.advance(0);
    expect(handler.attempts).toHaveLength(0);
    release();
    await begun(here, handler, 1);
    expect((await here.types(key)).at(-1)).toBe('StepStarted');
    handler.attempt('pay').complete();
    await until(here.clock, async () => (await here.status(key)) === 'completed');
  });

  it('begins once when the reply to StepStarted is lost', async () => {
    const key = await here.start(unsafe);
    here.inject('commit', 'lose-reply');
    worker();
    await here.clock.advance(1_000);
    await begun(here, handler, 1);
    expect((await here.types(key)).filter((type) => type === 'StepStarted')).toHaveLength(1);
  });

  it('never runs again when its worker vanished after it began: it waits for a decision', async () => {
    const key = await here.start(unsafe);
    const task = await claimOnly();
    await here.send(key, {
      type: 'StartStep',
      step: task.slot,
      attempt: 1,
      worker: 'dead',
      startedAtMs: 0,
    });
    await here.clock.advance(LEASE_MS);
    worker();
    await until(here.clock, () => isUnknown(key));
    expect(handler.attempts).toHaveLength(0);
    await here.send(key, { type: 'ResolveStep', step: 'pay', resolution: 'retry' });
    await begun(here, handler, 1);
    expect(handler.attempt('pay').context.attempt).toBe(2);
  });

  it('is not begun by a worker whose StartStep comes too late', async () => {
    const key = await here.start(unsafe);
    const release = here.hold('commit');
    worker();
    await here.clock.advance(0);
    const other = new TestProcess(installation);
    await other.send(key, {
      type: 'StartStep',
      step: 'pay',
      attempt: 1,
      worker: 'faster',
      startedAtMs: 0,
    });
    release();
    await until(here.clock, () => isUnknown(key));
    expect(handler.attempts).toHaveLength(0);
  });

  it('is tried again later when the store is away before it begins', async () => {
    const key = await here.start(unsafe);
    here.inject('commit', 'fail', 30);
    worker();
    await here.clock.advance(60_000);
    await begun(here, handler, 1);
    handler.attempt('pay').complete();
    await until(here.clock, async () => (await here.status(key)) === 'completed');
  });

  it.each(['timeout', 'shutdown'])('that is stopped by %s waits for a decision', async (reason) => {
    const key = await here.start(
      workflow([work('pay', { effect: 'unsafe', timeout: '5s', ...retry(3) })]),
    );
    const started = worker();
    await begun(here, handler, 1);
    if (reason === 'timeout') await here.clock.advance(5_000);
    else await started.stop();
    await until(here.clock, () => isUnknown(key));
    expect((await here.history(key)).at(-1)).toMatchObject({ type: 'StepOutcomeUnknown', reason });
  });

  it('that fails by itself is retried by its policy', async () => {
    const key = await here.start(unsafe);
    worker();
    await begun(here, handler, 1);
    handler.attempt('pay').fail();
    await until(here.clock, async () => (await here.step(key, 'pay')).status === 'retrying');
  });
});

describe('two processes', () => {
  it('share the steps of a run, each step runs once', async () => {
    const steps = Array.from({ length: 20 }, (_, at) => work(`s${at}`));
    const key = await here.start(
      workflow([...steps, pass('join', { needs: steps.map(({ id }) => String(id)) })]),
    );
    const other = new TestProcess(installation);
    handler.immediate = ({ step }) => ({ kind: 'completed', output: step });
    worker({ limit: 3 });
    worker({ limit: 3, owner: 'w2' }, other);
    await until(here.clock, async () => {
      await here.clock.advance(10);
      return (await here.status(key)) === 'completed';
    });
    expect([...handler.steps()].sort()).toEqual(steps.map(({ id }) => String(id)).sort());
  });
});
