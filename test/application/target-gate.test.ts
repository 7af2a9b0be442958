import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCockatielBreakers } from '../../src/adapters/cockatiel/cockatiel-breakers.ts';
import type { StepHandlerError } from '../../src/ports/step-handler.ts';
import type { RunKey } from '../../src/ports/run-store.ts';
import { createInstallation, TestProcess } from '../support/application.ts';
import { FakeHandler, startWorker, type TestWorker } from '../support/fake-worker.ts';
import { retry, work, workflow } from '../support/given.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { runTimerWorker } from '../../src/application/engine/timer-worker.ts';

const HOST = 'host:api';
const DOWN: Partial<StepHandlerError> = { code: 'http_503', message: 'busy', targetFailure: true };

let here: TestProcess;
let handler: FakeHandler;
let worker: TestWorker;
let stopTimers: AbortController;

/** Opens at the second failure in a row; probes after 1 s, then 2 s. */
function createBreakers() {
  return createCockatielBreakers({
    logger: silentLogger,
    clock: here.clock,
    elapsedMs: () => here.clock.now(),
    settingsOf: () => ({ failures: 2, pausesMs: [1_000, 2_000], maxProbeMs: 60_000 }),
  });
}
let breakers: ReturnType<typeof createBreakers>;

beforeEach(() => {
  here = new TestProcess(createInstallation());
  handler = new FakeHandler();
  handler.target = () => HOST;
  breakers = createBreakers();
  worker = startWorker(here, { handler, breakers });
  stopTimers = new AbortController();
  const { store, execute, clock } = here;
  const { signal } = stopTimers;
  void runTimerWorker({ store, execute, clock, logger: silentLogger, owner: 'timers', signal });
});
afterEach(async () => {
  stopTimers.abort();
  await worker.stop();
});

async function end(step: string, error: Partial<StepHandlerError> | undefined): Promise<void> {
  if (error) handler.attempt(step).fail(error);
  else handler.attempt(step).complete();
  await here.clock.advance(0);
}

/** Two steps fail by their host, and its breaker is open. */
async function goDown(): Promise<void> {
  await here.start(workflow([work('x'), work('y')], { onFailure: 'continue' }));
  await begun(2);
  await end('x', DOWN);
  await end('y', DOWN);
  await until(() => breakers.find(HOST) !== undefined);
}

/** Lets time pass, for at most a minute. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tried = 0; tried < 600; tried += 1) {
    if (await condition()) return;
    await here.clock.advance(100);
  }
  throw new Error('the condition did not come to hold');
}

function begun(count: number): Promise<void> {
  return until(() => handler.attempts.length >= count);
}

async function untilPutOff(key: RunKey, count: number): Promise<void> {
  await until(async () => (await here.step(key, 'a')).postponed?.count === count);
}

describe('a step whose target is down', () => {
  it('is put off without being run, and runs when the target is up again', async () => {
    await goDown();
    const key = await here.start(workflow([work('a')]));
    await untilPutOff(key, 1);
    expect(handler.attempts).toHaveLength(2);
    const { postponed, dueAtMs } = await here.step(key, 'a');
    expect(postponed).toMatchObject({ target: HOST, reason: 'http_503: busy' });
    expect(dueAtMs).toBe(breakers.find(HOST)?.nextProbeAtMs);
    await begun(3);
    expect(handler.attempt('a').context.attempt).toBe(1);
    await end('a', undefined);
    await until(async () => (await here.status(key)) === 'completed');
    expect(breakers.find(HOST)).toBeUndefined();
  });

  it('loses no attempt as the trial that fails', async () => {
    await goDown();
    const key = await here.start(workflow([work('a')]));
    await begun(3);
    await end('a', DOWN);
    await untilPutOff(key, 2);
    await begun(4);
    await end('a', undefined);
    await until(async () => (await here.status(key)) === 'completed');
    expect(await here.types(key)).not.toContain('StepAttemptFailed');
  });

  it('fails as the trial by an error that is its own, which the target has answered', async () => {
    await goDown();
    const key = await here.start(workflow([work('a')]));
    await begun(3);
    await end('a', { code: 'not_found' });
    await until(async () => (await here.status(key)) === 'failed');
    expect(breakers.find(HOST)).toBeUndefined();
  });

  it('is not begun when its effect is unsafe, and may be tried: the trial counts then', async () => {
    await goDown();
    const key = await here.start(workflow([work('a', { effect: 'unsafe', ...retry(2) })]));
    await untilPutOff(key, 1);
    expect(await here.types(key)).not.toContain('StepStarted');
    await begun(3);
    await end('a', DOWN);
    await until(async () => (await here.types(key)).includes('StepAttemptFailed'));
  });

  it('holds up no step with another target, or with none', async () => {
    await goDown();
    handler.target = () => undefined;
    const key = await here.start(workflow([work('a')]));
    await begun(3);
    await end('a', undefined);
    await until(async () => (await here.status(key)) === 'completed');
  });
});

describe('what counts against a target', () => {
  it('is no failure of the step itself, and no error that may be a mistake of the handler', async () => {
    await here.start(workflow([work('x'), work('y'), work('z')], { onFailure: 'continue' }));
    await begun(3);
    await end('x', { code: 'exit_1' });
    await end('y', { code: 'exit_1' });
    handler.attempt('z').crash(new TypeError('oops'));
    await here.clock.advance(0);
    expect(breakers.find(HOST)).toBeUndefined();
  });

  it('is an attempt that ran out of time', async () => {
    const slow = { timeout: '5s' };
    await here.start(workflow([work('x', slow), work('y', slow)], { onFailure: 'continue' }));
    await begun(2);
    await until(() => breakers.find(HOST) !== undefined);
    expect(breakers.find(HOST)?.lastError).toBe('an attempt ran out of time');
  });
});

describe('a target function that fails', () => {
  it('is told to the log, and its step runs without a breaker', async () => {
    handler.target = () => {
      throw new Error('no such property');
    };
    await here.start(workflow([work('a')]));
    await begun(1);
    expect(here.log).toContainEqual(
      expect.objectContaining({ level: 'warn', message: 'a step has no usable target' }),
    );
  });
});
