import { describe, expect, it } from 'vitest';
import { randomIdSource } from '../../src/adapters/system/random-id-source.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { createSeededIds } from '../support/seeded-ids.ts';

describe.each([
  ['random ids', randomIdSource],
  ['seeded ids', createSeededIds(3)],
])('%s', (_, ids) => {
  it('are distinct, in lower-case letters and digits', () => {
    const made = Array.from({ length: 1_000 }, () => ids.newId());
    expect(new Set(made).size).toBe(1_000);
    for (const id of made) expect(id).toMatch(/^[a-z0-9]{26}$/);
  });

  it('come with numbers spread over [0, 1)', () => {
    const drawn = Array.from({ length: 1_000 }, () => ids.random());
    for (const number of drawn) expect(number >= 0 && number < 1).toBe(true);
    expect(Math.min(...drawn)).toBeLessThan(0.1);
    expect(Math.max(...drawn)).toBeGreaterThan(0.9);
  });
});

it('seeded ids repeat themselves', () => {
  const ids = (seed: number): string[] => {
    const source = createSeededIds(seed);
    return [source.newId(), source.newId()];
  };
  expect(ids(1)).toEqual(ids(1));
  expect(ids(1)).not.toEqual(ids(2));
});

describe('the system clock', () => {
  it('does not wake before its time', async () => {
    const startMs = systemClock.now();
    await systemClock.sleep(5);
    // Timers count from the start of the loop's turn: up to a millisecond before the call.
    expect(systemClock.now() - startMs).toBeGreaterThanOrEqual(4);
  });

  it('wakes at once when its signal aborts, before or during the sleep', async () => {
    await systemClock.sleep(1e9, AbortSignal.abort());
    const controller = new AbortController();
    const sleeping = systemClock.sleep(1e12, controller.signal);
    controller.abort();
    await sleeping;
  });
});
