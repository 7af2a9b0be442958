import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { GIVE_UP_MS } from '../../src/handlers/third-party/give-up.ts';
import {
  HandlerThreads,
  type HandlerThreadsOptions,
} from '../../src/handlers/third-party/handler-threads.ts';
import type { Json } from '../../src/domain/json.ts';
import type { StepContext } from '../../src/ports/step-handler.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { silentLogger } from '../support/silent-logger.ts';

const ENTRY = join(import.meta.dirname, '../../src/composition/handler-thread.ts');

/** One kind for everything that a handler may do to its thread. */
const HANDLER = `
import { threadId } from 'node:worker_threads';
import { defineHandler, StepFailure, z } from 'baton-mcp/handler';
const spin = (forMs) => { for (const endMs = Date.now() + forMs; Date.now() < endMs;); };
const acts = {
  echo: ({ signal, heartbeat, ...rest }) => ({ ...rest, threadId }),
  refuse: () => { throw new StepFailure('busy', 'later', { retryAfterMs: 7 }); },
  break: () => { throw new TypeError('oops'); },
  date: () => ({ at: new Date(0) }),
  beat: (context) => {
    context.heartbeat({ at: 1 });
    context.heartbeat(() => null);
    context.heartbeat({ at: 2 });
  },
  listen: async ({ signal, heartbeat }) => {
    heartbeat('waiting');
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    return signal.reason;
  },
  look: (context) => {
    context.heartbeat('computing');
    while (!context.signal.aborted);
    return context.signal.reason;
  },
  beatOn: (context) => {
    const { signal } = context;
    while (!signal.aborted) context.heartbeat('computing');
    return signal.reason;
  },
  forever: (context) => { context.heartbeat('computing'); for (;;); },
  grow: () => { const all = []; for (;;) all.push(new Array(1e6).fill(all.length)); },
  exit: () => process.exit(0),
  uncaught: () => new Promise(() => setImmediate(() => { throw new Error('nobody catches this'); })),
  print: () => console.log('noise'),
};
export default [
  defineHandler({
    kind: 'acme.compute',
    cpuBound: true,
    input: z.object({ act: z.enum(Object.keys(acts)), n: z.int().default(7) }),
    run: (context, input) => acts[input.act](context, input),
  }),
];`;

let directory: string;
let file: string;
const opened: HandlerThreads[] = [];
/** Two threads that attempts of several tests run in, one after the other: to start one takes most of a test's time. */
let shared: HandlerThreads;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'baton-threads-'));
  file = join(directory, 'compute.js');
  writeFileSync(file, HANDLER);
  shared = create({ threads: 2 });
});
afterAll(async () => {
  await shared.close();
  rmSync(directory, { recursive: true });
});
afterEach(async () => {
  for (const threads of opened.splice(0)) await threads.close();
});

function create(options: Partial<HandlerThreadsOptions> = {}): HandlerThreads {
  const ports = { clock: systemClock, logger: silentLogger };
  return new HandlerThreads({ ...ports, entry: ENTRY, threads: 1, memoryMb: 64, ...options });
}

function open(options: Partial<HandlerThreadsOptions> = {}): HandlerThreads {
  const threads = create(options);
  opened.push(threads);
  return threads;
}

/** An attempt and what it tells. */
function attempt(act: string, signal = new AbortController().signal) {
  const beats: (Json | undefined)[] = [];
  const firstBeat = Promise.withResolvers<undefined>();
  const context: StepContext = {
    ...{ tenant: 'default', runId: 'run1', workflow: 'w', step: 's', attempt: 1 },
    ...{ idempotencyKey: 'key', workspace: '/workspace', lastHeartbeat: { at: 0 } },
    input: { act },
    signal,
    heartbeat: (payload) => {
      beats.push(payload);
      firstBeat.resolve(undefined);
    },
  };
  return { context, beats, begun: firstBeat.promise };
}

const perform = (threads: HandlerThreads, act: string, signal?: AbortSignal) =>
  threads.perform(file, 'acme.compute', attempt(act, signal).context);

const fine = { kind: 'completed', output: { at: '1970-01-01T00:00:00.000Z' } };

describe('an attempt in a thread', () => {
  test('gets its context and gives plain JSON, its failures and its errors as in the process', async () => {
    const threads = shared;
    expect(await perform(threads, 'echo')).toEqual({
      kind: 'completed',
      output: {
        ...{ tenant: 'default', runId: 'run1', workflow: 'w', step: 's', attempt: 1 },
        ...{ idempotencyKey: 'key', workspace: '/workspace', lastHeartbeat: { at: 0 } },
        input: { act: 'echo' },
        threadId: expect.toSatisfy((id: number) => id > 0) as number,
      },
    });
    expect(await perform(threads, 'date')).toEqual(fine);
    const error = { code: 'busy', message: 'later', retryAfterMs: 7 };
    expect(await perform(threads, 'refuse')).toEqual({ kind: 'failed', error });
    await expect(perform(threads, 'break')).rejects.toThrow('oops');
    expect(await perform(threads, 'nothing')).toMatchObject({
      error: { code: 'invalid_input', permanent: true },
    });
  });

  test('has told every heartbeat when it ends, one that is no JSON without its payload', async () => {
    const { context, beats } = attempt('beat');
    await shared.perform(file, 'acme.compute', context);
    expect(beats).toEqual([{ at: 1 }, undefined, { at: 2 }]);
  });

  test.each(['listen', 'look', 'beatOn'])(
    'that does "%s" learns that it has to stop, and its result counts',
    async (act) => {
      const stop = new AbortController();
      const { context, begun } = attempt(act, stop.signal);
      const outcome = shared.perform(file, 'acme.compute', context);
      await begun;
      stop.abort('cancelled');
      expect(await outcome).toEqual({ kind: 'completed', output: 'cancelled' });
    },
  );

  test('that computes on is ended after its grace, with its thread', async () => {
    const clock = createManualClock();
    const threads = open({ clock });
    const stop = new AbortController();
    const { context, begun } = attempt('forever', stop.signal);
    const outcome = threads.perform(file, 'acme.compute', context);
    await begun;
    stop.abort('timeout');
    const refused = expect(outcome).rejects.toThrow(`did not stop within ${GIVE_UP_MS} ms`);
    await clock.advance(GIVE_UP_MS);
    await refused;
    // The one thread there may be is a new one.
    expect(await perform(threads, 'date')).toEqual(fine);
  });

  test('waits while every thread is taken, and need not begin', async () => {
    const threads = open();
    const first = new AbortController();
    const { context, begun } = attempt('listen', first.signal);
    const running = threads.perform(file, 'acme.compute', context);
    await begun;
    const second = new AbortController();
    const waiting = perform(threads, 'date', second.signal);
    const next = perform(threads, 'date');
    second.abort('cancelled');
    expect(await waiting).toMatchObject({ error: { code: 'not_begun' } });
    const late = await perform(threads, 'date', AbortSignal.abort('cancelled'));
    expect(late).toMatchObject({ error: { code: 'not_begun' } });
    first.abort('over');
    expect(await running).toEqual({ kind: 'completed', output: 'over' });
    expect(await next).toEqual(fine);
  });
});

describe('a thread that ends', () => {
  test('out of memory fails its attempt alone', async () => {
    const threads = shared;
    const stop = new AbortController();
    const other = attempt('listen', stop.signal);
    const listening = threads.perform(file, 'acme.compute', other.context);
    await other.begun;
    expect(await perform(threads, 'grow')).toMatchObject({
      kind: 'failed',
      error: { code: 'out_of_memory', effectState: 'unknown' },
    });
    expect(await perform(threads, 'date')).toEqual(fine);
    stop.abort('over');
    expect(await listening).toEqual({ kind: 'completed', output: 'over' });
  });

  test.each([
    ['exit', 'worker exited with code: 0'],
    ['uncaught', 'nobody catches this'],
  ])('by "%s" fails its attempt, and another takes its place', async (act, message) => {
    const threads = shared;
    await expect(perform(threads, act)).rejects.toThrow(message);
    expect(await perform(threads, 'date')).toEqual(fine);
  });

  test('before any of its code ran is given up', async () => {
    const clock = createManualClock();
    const entry = join(directory, 'stuck.mjs');
    writeFileSync(entry, 'await new Promise((resolve) => setInterval(() => undefined, 1_000));');
    const threads = open({ clock, entry });
    const refused = expect(perform(threads, 'date')).rejects.toThrow('no thread has started');
    while (clock.sleeping() === 0) await new Promise(setImmediate);
    await clock.advance(30_000);
    await refused;
  });

  test('is not waited for when all are closed', async () => {
    const threads = open();
    await threads.close();
    await perform(threads, 'date');
    await threads.close();
  });
});

test('a file that has changed since is told', async () => {
  const gone = join(directory, 'gone.js');
  const { context } = attempt('date');
  const threads = shared;
  await expect(threads.perform(gone, 'acme.compute', context)).rejects.toThrow('no such file');
  await expect(threads.perform(file, 'acme.other', context)).rejects.toThrow('no more');
});
