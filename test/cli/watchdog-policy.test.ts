import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { RestartPauses } from '../../src/cli/supervise/restart-pauses.ts';
import { Silence, START_LIMIT_MS } from '../../src/cli/supervise/silence.ts';
import { BatonFixture } from './run-baton.ts';

const LIMIT_MS = 10_000;
const EVERY_MS = 200;

/** Asks at the even pace until it is too long, for at most so long; answers when that was. */
function tooLongAt(silence: Silence, fromMs: number, forMs: number): number | undefined {
  for (let nowMs = fromMs; nowMs <= fromMs + forMs; nowMs += EVERY_MS)
    if (silence.isTooLong(nowMs)) return nowMs;
  return undefined;
}

describe('the silence of a worker', () => {
  test('is too long when nothing was heard for its limit', () => {
    const silence = new Silence(0, EVERY_MS);
    silence.ready(0, LIMIT_MS);
    expect(tooLongAt(silence, 0, 5_000)).toBeUndefined();
    silence.beat(5_000);
    expect(tooLongAt(silence, 5_200, 60_000)).toBe(5_000 + LIMIT_MS + EVERY_MS);
  });

  test('may be long until it is ready', () => {
    const silence = new Silence(0, EVERY_MS);
    expect(tooLongAt(silence, 0, 100_000)).toBe(START_LIMIT_MS + EVERY_MS);
  });

  test('is forgiven for the time in which nobody asked: the machine was asleep', () => {
    const silence = new Silence(0, EVERY_MS);
    silence.ready(0, LIMIT_MS);
    expect(tooLongAt(silence, 0, 1_000)).toBeUndefined();
    expect(silence.isTooLong(3_600_000)).toBe(false);
    expect(tooLongAt(silence, 3_600_200, 60_000)).toBeLessThanOrEqual(3_600_000 + LIMIT_MS);
  });

  test('does not matter to a drain that lasts too long, or a process that does not go', () => {
    const beating = (silence: Silence): number | undefined => {
      for (let nowMs = 0; nowMs < 100_000; nowMs += EVERY_MS) {
        silence.beat(nowMs);
        if (silence.isTooLong(nowMs)) return nowMs;
      }
      return undefined;
    };
    const draining = new Silence(0, EVERY_MS);
    draining.draining(0);
    expect(beating(draining)).toBe(60_200);
    const done = new Silence(0, EVERY_MS);
    done.draining(0);
    done.done(0);
    expect(beating(done)).toBe(5_200);
    expect(beating(new Silence(0, EVERY_MS))).toBeUndefined();
  });
});

describe('the pause before the next worker', () => {
  test('is none at first, grows with every early death to 30 s, and is forgotten after a steady life', () => {
    const pauses = new RestartPauses();
    const early = Array.from({ length: 9 }, () => pauses.afterLife(1_000));
    expect(early).toEqual([0, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(pauses.afterLife(60_000)).toBe(0);
    expect(pauses.afterLife(0)).toBe(0);
    expect(pauses.afterLife(0)).toBe(500);
  });
});

describe('a worker', () => {
  const baton = new BatonFixture();
  afterAll(() => baton.dispose());
  const src = pathToFileURL(join(import.meta.dirname, '../../src/cli/')).href;
  const script = (body: string): string =>
    baton.write(
      'worker.ts',
      `import { reportToSupervisor } from '${src}supervise/worker-reports.ts';
       import { createInterruption } from '${src}interruption.ts';
       ${body}`,
    );

  test('whose supervisor is gone, and who cannot end, does not stay', async () => {
    const child = fork(
      script(`
       const interruption = createInterruption();
       reportToSupervisor(interruption, 50);
       setInterval(() => undefined, 1_000);
       interruption.signal.addEventListener('abort', () => console.log('drains'));
       process.send('listens');`),
      { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] },
    );
    await once(child, 'message');
    if (child.stdout === null) throw new Error('its output is piped');
    const output = text(child.stdout);
    // Node tells of no `close` once the channel was closed from here.
    const exit = once(child, 'exit');
    child.disconnect();
    const [code] = (await exit) as unknown[]; // of any event
    expect({ code, output: await output }).toEqual({ code: 1, output: 'drains\n' });
  });

  test('sends no beat while a loop of its engine is stuck', async () => {
    // Stuck at every look but the second and the third; after the fifth it is done.
    const child = fork(
      script(`
       const reports = reportToSupervisor(createInterruption());
       const open = setInterval(() => undefined, 1_000);
       let looks = 0;
       reports.ready({
         workerId: 'w1',
         silenceLimitMs: 80,
         isStalled: () => {
           looks += 1;
           if (looks === 5) {
             reports.done(0);
             clearInterval(open);
           }
           return looks !== 2 && looks !== 3;
         },
       });`),
    );
    const heard: unknown[] = [];
    child.on('message', (message) => heard.push(message));
    await once(child, 'exit');
    expect(heard).toEqual([
      { type: 'ready', workerId: 'w1', silenceLimitMs: 80 },
      { type: 'beat' },
      { type: 'beat' },
      { type: 'done', exitCode: 0 },
    ]);
  });
});
