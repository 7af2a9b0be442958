import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunKey } from '../../src/ports/run-store.ts';
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
import { cancel, pause, resume, work, workflow } from '../support/given.ts';

let installation: Installation;
let here: TestProcess;
let handler: FakeHandler;
const workers: TestWorker[] = [];

function worker(options: Parameters<typeof startWorker>[1] = {}, process = here): TestWorker {
  const started = startWorker(process, { handler, ...options });
  workers.push(started);
  return started;
}

function finished(key: RunKey): Promise<void> {
  return until(here.clock, async () => (await here.status(key)) === 'completed');
}

beforeEach(() => {
  installation = createInstallation();
  here = new TestProcess(installation);
  handler = new FakeHandler();
});

afterEach(async () => {
  for (const { stop } of workers.splice(0)) await stop().catch(() => undefined);
});

describe('a paused run', () => {
  it('gets its claimed tasks back, uses no attempt, and goes on when resumed', async () => {
    const key = await here.start(workflow([work('a')]));
    await here.send(key, pause);
    worker();
    await until(here.clock, async () => (await here.step(key, 'a')).status === 'ready');
    expect(handler.attempts).toHaveLength(0);
    await here.send(key, resume);
    await begun(here, handler, 1);
    expect(handler.attempt('a').context.attempt).toBe(1);
  });
});

describe('a cancelled run', () => {
  it('reports tasks that nobody began as cancelled', async () => {
    const key = await here.start(workflow([work('a')]));
    const { store } = here;
    const held = await store.claimTasks({
      owner: 'w0',
      queues: ['shell:true'],
      limit: 1,
      leaseDurationMs: 1_000,
    });
    await here.send(key, cancel);
    worker();
    await here.clock.advance(1_000);
    // The recalled task becomes work of the engine when its lease ends; no worker runs it.
    expect(held.work).toHaveLength(1);
    expect(handler.attempts).toHaveLength(0);
  });

  it('stops its running steps within moments when another process cancels', async () => {
    const key = await here.start(workflow([work('a'), work('b')]));
    worker();
    await begun(here, handler, 2);
    const other = new TestProcess(installation);
    await other.send(key, cancel);
    await here.clock.advance(250);
    expect(handler.attempt('a').context.signal.aborted).toBe(true);
    await until(here.clock, async () => (await here.status(key)) === 'cancelled');
    expect((await here.step(key, 'b')).status).toBe('cancelled');
  });

  it('stops its running steps within moments when this process cancels', async () => {
    const key = await here.start(workflow([work('a')]));
    worker();
    await begun(here, handler, 1);
    await here.send(key, cancel);
    await here.clock.advance(250);
    await until(here.clock, async () => (await here.status(key)) === 'cancelled');
  });

  it('keeps the result of a step that finishes all the same', async () => {
    const key = await here.start(workflow([work('a')]));
    handler.isStubborn = true;
    worker();
    await begun(here, handler, 1);
    await here.send(key, cancel);
    await here.clock.advance(250);
    handler.attempt('a').complete('saved');
    await until(here.clock, async () => (await here.status(key)) === 'cancelled');
    expect(await here.step(key, 'a')).toMatchObject({ status: 'completed', output: 'saved' });
  });
});

describe('a task that ends in trouble', () => {
  it('of the store is no defect: the worker goes on, and the task is claimed again', async () => {
    const key = await here.start(workflow([work('a')]));
    // A process that has not seen the run yet must load it first.
    const fresh = new TestProcess(installation);
    fresh.inject('load', 'fail', 1);
    const { stop } = worker({}, fresh);
    await here.clock.advance(LEASE_MS + 5_000);
    await begun(here, handler, 1);
    handler.attempt('a').complete();
    await finished(key);
    await stop();
  });

  it('that is a defect is logged, and other tasks go on', async () => {
    const key = await here.start(workflow([work('a'), work('b')]));
    const { runs } = here;
    const broken = new Error('a bug');
    let times = 0;
    const peek = runs.peek.bind(runs);
    runs.peek = (wanted) => {
      times += 1;
      if (times === 1) throw broken;
      return peek(wanted);
    };
    const started = worker();
    await begun(here, handler, 1);
    handler.attempts[0]?.complete();
    await here.clock.advance(0);
    await started.stop();
    expect(here.log).toContainEqual({ level: 'error', message: 'a task ended in a defect' });
    expect(await here.status(key)).toBe('running');
  });
});
