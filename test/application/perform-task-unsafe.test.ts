import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Json } from '../../src/domain/json.ts';
import { createInstallation, TestProcess, until } from '../support/application.ts';
import { begun, FakeHandler, startWorker, type TestWorker } from '../support/fake-worker.ts';
import { pause, resume, retry, work, workflow } from '../support/given.ts';

let here: TestProcess;
let handler: FakeHandler;
let worker: TestWorker;

beforeEach(() => {
  here = new TestProcess(createInstallation());
  handler = new FakeHandler();
});

afterEach(async () => {
  await worker.stop();
});

const pay = workflow([work('pay', { effect: 'unsafe', ...retry(3) })]);

describe('an unsafe effect', () => {
  it.each([
    ['its command was killed', () => handler.attempt('pay').fail({ effectState: 'unknown' })],
    ['its handler threw', () => handler.attempt('pay').crash(new Error('a bug'))],
  ])('waits for a decision instead of a retry when %s', async (_, end) => {
    const key = await here.start(pay);
    worker = startWorker(here, { handler });
    await begun(here, handler, 1);
    end();
    await until(here.clock, async () => (await here.step(key, 'pay')).status === 'unknown');
    await here.clock.advance(600_000);
    expect(handler.attempts).toHaveLength(1);
  });

  it('is not repeated because its result was of no use', async () => {
    const key = await here.start(pay);
    worker = startWorker(here, { handler });
    await begun(here, handler, 1);
    handler.attempt('pay').fail({ code: 'output_not_json', effectState: 'done' });
    await until(here.clock, async () => (await here.status(key)) === 'failed');
    expect(handler.attempts).toHaveLength(1);
  });

  it('is retried by its policy when the command itself says that it failed', async () => {
    const key = await here.start(pay);
    worker = startWorker(here, { handler });
    await begun(here, handler, 1);
    handler.attempt('pay').fail({ code: 'exit_1' });
    await until(here.clock, async () => (await here.step(key, 'pay')).status === 'retrying');
  });

  it('stays known as begun through a pause after its worker vanished', async () => {
    const key = await here.start(pay);
    const { work: tasks } = await here.store.claimTasks({
      owner: 'dead',
      queues: ['shell:true'],
      limit: 1,
      leaseDurationMs: 5_000,
    });
    expect(tasks).toHaveLength(1);
    await here.send(key, {
      type: 'StartStep',
      step: 'pay',
      attempt: 1,
      worker: 'dead',
      startedAtMs: 0,
    });
    await here.send(key, pause);
    worker = startWorker(here, { handler });
    await here.clock.advance(6_000);
    await until(here.clock, async () => (await here.step(key, 'pay')).status === 'unknown');
    await here.send(key, resume);
    await here.clock.advance(60_000);
    expect(handler.attempts).toHaveLength(0);
  });
});

it('records an output that is nested too deeply for JSON as a failure, once', async () => {
  const key = await here.start(workflow([work('a', retry(3))]));
  worker = startWorker(here, { handler });
  await begun(here, handler, 1);
  const deep: Json = JSON.parse('['.repeat(20_000) + ']'.repeat(20_000)) as Json; // lists only
  handler.attempt('a').complete(deep);
  await until(here.clock, async () => (await here.status(key)) === 'failed');
  expect((await here.step(key, 'a')).error?.code).toBe('invalid_output');
  expect(handler.attempts).toHaveLength(1);
});
