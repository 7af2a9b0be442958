import { describe, expect, it } from 'vitest';
import { createLeastRecentlyUsed } from '../../src/application/commands/least-recently-used.ts';
import { WakeSignal } from '../../src/application/engine/wake-signal.ts';
import { runWorkLoop } from '../../src/application/engine/work-loop.ts';
import { StoreUnavailableError } from '../../src/ports/run-store.ts';
import type { Claimed } from '../../src/ports/work-source.ts';
import { settled, until } from '../support/application.ts';
import { createManualClock } from '../support/manual-clock.ts';

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A loop over answers that the test lays out; without one it claims nothing. */
function looping(answers: (Claimed<string> | Error | undefined)[]) {
  const clock = createManualClock();
  const wake = new WakeSignal(clock);
  const stop = new AbortController();
  const performed: string[] = [];
  const claimedAtMs: number[] = [];
  const begunMs = clock.now();
  const ended = runWorkLoop<string>({
    clock,
    wake,
    signal: stop.signal,
    logger: silent,
    claim: async () => {
      claimedAtMs.push(clock.now() - begunMs);
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
    perform: async (work) => void performed.push(work),
  });
  ended.catch(() => undefined);
  return { clock, wake, stop, performed, claimedAtMs, begunMs, ended };
}

describe('a work loop', () => {
  it('performs in order and claims again at once while there is work', async () => {
    const loop = looping([{ work: ['a', 'b'] }, { work: ['c'] }]);
    await loop.clock.advance(0);
    expect(loop.performed).toEqual(['a', 'b', 'c']);
    expect(loop.claimedAtMs).toEqual([0, 0, 0]);
  });

  it('looks again when the next work is due, and after five seconds at the latest', async () => {
    const loop = looping([]);
    await loop.clock.advance(12_000);
    expect(loop.claimedAtMs).toEqual([0, 5_000, 10_000]);
    const due = looping([
      { work: [], nextDueAtMs: createManualClock().now() + 700 },
      { work: [], nextDueAtMs: 0 },
    ]);
    await due.clock.advance(701);
    expect(due.claimedAtMs).toEqual([0, 700, 701]);
  });

  it('is woken while it sleeps, and a wake-up before it sleeps is not lost', async () => {
    const loop = looping([]);
    await loop.clock.advance(100);
    loop.wake.wake();
    await until(loop.clock, () => loop.claimedAtMs.length === 2);
    loop.wake.wake();
    loop.wake.wake();
    await until(loop.clock, () => loop.claimedAtMs.length >= 3);
    expect(loop.claimedAtMs.every((atMs) => atMs <= 100)).toBe(true);
  });

  it('waits a moment for a store that is away', async () => {
    const loop = looping([new StoreUnavailableError('locked'), { work: ['a'] }]);
    await loop.clock.advance(199);
    expect(loop.performed).toEqual([]);
    await loop.clock.advance(1);
    expect(loop.performed).toEqual(['a']);
  });

  it('ends in a defect', async () => {
    const loop = looping([new Error('a bug')]);
    await expect(settled(loop.clock, loop.ended)).rejects.toThrow('a bug');
  });

  it('ends when it is stopped, also from its sleep', async () => {
    const loop = looping([]);
    await loop.clock.advance(0);
    loop.stop.abort();
    await settled(loop.clock, loop.ended);
    expect(loop.clock.sleeping()).toBe(0);
  });
});

describe('a wake signal', () => {
  it('does not wait when the loop is already stopped', async () => {
    const clock = createManualClock();
    await new WakeSignal(clock).wait(1_000, AbortSignal.abort());
    expect(clock.sleeping()).toBe(0);
  });
});

describe('least recently used', () => {
  it('keeps what was used last', () => {
    const cache = createLeastRecentlyUsed<number>(2);
    cache.set('a', 1);
    cache.set('b', 2);
    expect(cache.get('a')).toBe(1);
    cache.set('c', 3);
    expect([cache.get('a'), cache.get('b'), cache.get('c'), cache.size]).toEqual([
      1,
      undefined,
      3,
      2,
    ]);
    cache.delete('a');
    expect([cache.get('a'), cache.size]).toEqual([undefined, 1]);
  });
});
