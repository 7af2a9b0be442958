import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_DELIVERIES } from '../../src/domain/limits.ts';
import { type ClaimedTask } from '../../src/ports/work-source.ts';
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

beforeEach(() => {
  installation = createInstallation();
  here = new TestProcess(installation);
  handler = new FakeHandler();
});

afterEach(async () => {
  for (const { stop } of workers.splice(0)) await stop().catch(() => undefined);
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
    runs.peek = () => undefined;
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
    const ids = Array.from({ length: 20 }, (_, at) => `s${at}`);
    const key = await here.start(
      workflow([...ids.map((id) => work(id)), pass('join', { needs: ids })]),
    );
    const other = new TestProcess(installation);
    handler.immediate = ({ step }) => ({ kind: 'completed', output: step });
    worker({ limit: 3 });
    worker({ limit: 3, owner: 'w2' }, other);
    await until(here.clock, async () => {
      await here.clock.advance(10);
      return (await here.status(key)) === 'completed';
    });
    expect([...handler.steps()].sort()).toEqual([...ids].sort());
  });
});
