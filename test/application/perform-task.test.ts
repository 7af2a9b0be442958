import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { idempotencyKeyOf } from '../../src/application/commands/idempotency-key.ts';
import type { Json } from '../../src/domain/json.ts';
import { MAX_PAYLOAD_BYTES } from '../../src/domain/limits.ts';
import {
  createInstallation,
  TestProcess,
  until,
  type Installation,
} from '../support/application.ts';
import { begun, FakeHandler, startWorker, type TestWorker } from '../support/fake-worker.ts';
import { retry, work, workflow } from '../support/given.ts';

let installation: Installation;
let here: TestProcess;
let handler: FakeHandler;
const workers: TestWorker[] = [];

function worker(options: Parameters<typeof startWorker>[1] = {}, process = here): TestWorker {
  const started = startWorker(process, { handler, ...options });
  workers.push(started);
  return started;
}

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

  it('is whole in a copy, too', async () => {
    await here.start(workflow([work('a')]));
    worker();
    await begun(here, handler, 1);
    const { context } = handler.attempt('a');
    const copy = { ...context };
    expect(copy.idempotencyKey).toBe(context.idempotencyKey);
    expect(copy.signal).toBe(context.signal);
    expect(copy.signal.aborted).toBe(false);
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

  it.each([
    ['['.repeat(2_500) + ']'.repeat(2_500), 'nested too deeply'],
    ['{"a":{"constructor":1}}', 'the key "constructor" is not allowed at a.constructor'],
  ])('fails the step for good when it is no acceptable JSON (%#)', async (text, message) => {
    const key = await here.start(workflow([work('a', retry(5))]));
    worker();
    await begun(here, handler, 1);
    handler.attempt('a').complete(JSON.parse(text) as Json);
    await until(here.clock, async () => (await here.status(key)) === 'failed');
    const { error } = await here.step(key, 'a');
    expect(error?.code).toBe('invalid_output');
    expect(error?.message).toContain(message);
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
