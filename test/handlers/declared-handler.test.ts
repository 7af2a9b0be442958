import { describe, expect, test } from 'vitest';
import { createDeclaredHandler } from '../../src/handlers/third-party/declared-handler.ts';
import { GIVE_UP_MS } from '../../src/handlers/third-party/give-up.ts';
import type { StepContext, StepOutcome } from '../../src/ports/step-handler.ts';
import { defineHandler, StepFailure, z } from '../../src/sdk/handler.ts';
import { createManualClock } from '../support/manual-clock.ts';

type Run = (context: StepContext, input: { n: number }) => unknown;

function contextOf(
  input: StepContext['input'],
  signal = new AbortController().signal,
): StepContext {
  return {
    tenant: 'default',
    runId: 'run1',
    workflow: 'w',
    step: 's',
    attempt: 1,
    idempotencyKey: 'key',
    input,
    workspace: '/workspace',
    signal,
    heartbeat: () => undefined,
  };
}

function handlerOf(run: Run, queue?: string) {
  const input = z.object({ n: z.int().default(1) });
  const clock = createManualClock();
  const defined = defineHandler({ kind: 'acme.deploy', input, ...(queue && { queue }), run });
  return { clock, handler: createDeclaredHandler(defined, clock) };
}

function perform(run: Run, input: StepContext['input'] = {}): Promise<StepOutcome> {
  return handlerOf(run).handler.run(contextOf(input));
}

describe('an attempt', () => {
  test('gets its context and its input as the schema reads it; what it returns is the output', async () => {
    const outcome = await perform(({ step, idempotencyKey }, { n }) => ({
      step,
      idempotencyKey,
      n,
    }));
    const output = { step: 's', idempotencyKey: 'key', n: 1 };
    expect(outcome).toEqual({ kind: 'completed', output });
  });

  test('is refused for good when the loaded schema does not take the input', async () => {
    const outcome = await perform(() => null, { n: 'x' });
    expect(outcome).toMatchObject({
      kind: 'failed',
      error: {
        code: 'invalid_input',
        permanent: true,
        message: expect.stringContaining('with.n: ') as string,
      },
    });
  });

  test('fails as its StepFailure says; another error is the engine’s to record', async () => {
    const failing = perform(() => {
      throw new StepFailure('busy', 'later', { retryAfterMs: 7 });
    });
    const error = { code: 'busy', message: 'later', retryAfterMs: 7 };
    expect(await failing).toEqual({ kind: 'failed', error });
    const defect = perform(async () => Promise.reject(new Error('oops')));
    await expect(defect).rejects.toThrow('oops');
  });

  test.each<[string, unknown, unknown]>([
    ['nothing', undefined, null],
    ['a date', { at: new Date(0), not: undefined }, { at: '1970-01-01T00:00:00.000Z' }],
    ['a list', [1, null], [1, null]],
  ])('records %s as JSON', async (_, returned, output) => {
    expect(await perform(() => returned)).toEqual({ kind: 'completed', output });
  });

  test.each<[string, unknown]>([
    ['a number without JSON form', 1n],
    ['a function', () => 1],
    [
      'a circle',
      (() => {
        const circle: { self?: unknown } = {};
        circle.self = circle;
        return circle;
      })(),
    ],
  ])('fails for good when it returns %s, its effect done', async (_, returned) => {
    expect(await perform(() => returned)).toMatchObject({
      kind: 'failed',
      error: { code: 'invalid_output', permanent: true, effectState: 'done' },
    });
  });
});

describe('a handler that was asked to stop', () => {
  test('has time to do so, and its result counts', async () => {
    const stop = new AbortController();
    const work = Promise.withResolvers<string>();
    const { handler, clock } = handlerOf(() => work.promise);
    const outcome = handler.run(contextOf({}, stop.signal));
    stop.abort();
    await clock.advance(GIVE_UP_MS - 1);
    work.resolve('done');
    expect(await outcome).toEqual({ kind: 'completed', output: 'done' });
  });

  test('is given up when it goes on regardless', async () => {
    const stop = new AbortController();
    const { handler, clock } = handlerOf(() => new Promise(() => undefined));
    const outcome = handler.run(contextOf({}, stop.signal));
    stop.abort();
    const refused = expect(outcome).rejects.toThrow(`did not stop within ${GIVE_UP_MS} ms`);
    await clock.advance(GIVE_UP_MS);
    await refused;
  });

  test('before it began is not waited for longer', async () => {
    const { handler, clock } = handlerOf(() => new Promise(() => undefined));
    const outcome = handler.run(contextOf({}, AbortSignal.abort()));
    const refused = expect(outcome).rejects.toThrow('did not stop');
    await clock.advance(GIVE_UP_MS);
    await refused;
  });
});

test('serves one queue, which names its kind', () => {
  const run = (): null => null;
  expect(handlerOf(run).handler.queues).toEqual(['handler:acme.deploy']);
  expect(handlerOf(run, 'gpu').handler.queues).toEqual(['handler:acme.deploy@gpu']);
});
