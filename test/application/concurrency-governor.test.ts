import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GovernorInput } from '../../src/application/engine/concurrency-governor.ts';
import {
  CALM_BELOW,
  nextLimit,
  PRESSED_ABOVE,
} from '../../src/application/engine/concurrency-governor.ts';

const CALM: GovernorInput = {
  limit: 4,
  min: 1,
  max: 16,
  busySlots: 4,
  eventLoopUtilisation: 0.1,
  cpuLoadPerQuotaCore: 0.5,
  memoryPressure: 0.3,
};

const MEASURES = ['eventLoopUtilisation', 'cpuLoadPerQuotaCore', 'memoryPressure'] as const;

describe('the concurrency governor', () => {
  test('grows by one slot while calm and all slots are in use', () => {
    expect(nextLimit(CALM)).toBe(5);
  });

  test('does not grow while slots are free, nor past the maximum', () => {
    expect(nextLimit({ ...CALM, busySlots: 3 })).toBe(4);
    expect(nextLimit({ ...CALM, limit: 16, busySlots: 16 })).toBe(16);
  });

  test.each(MEASURES)('halves when %s alone is too high, and holds in between', (measure) => {
    const between = (CALM_BELOW[measure] + PRESSED_ABOVE[measure]) / 2;
    expect(nextLimit({ ...CALM, [measure]: PRESSED_ABOVE[measure] + 0.01 })).toBe(2);
    expect(nextLimit({ ...CALM, [measure]: between })).toBe(4);
  });

  test('never goes below the minimum, nor below one', () => {
    const pressed = { ...CALM, memoryPressure: 1 };
    expect(nextLimit({ ...pressed, limit: 3, min: 2 })).toBe(2);
    expect(nextLimit({ ...pressed, limit: 1, min: 0 })).toBe(1);
  });

  test('brings a limit from outside the bounds back into them', () => {
    expect(nextLimit({ ...CALM, limit: 99, busySlots: 0 })).toBe(16);
    expect(nextLimit({ ...CALM, limit: 0, busySlots: 0 })).toBe(1);
  });

  test('holds when a measure is not a number', () => {
    expect(nextLimit({ ...CALM, cpuLoadPerQuotaCore: Number.NaN })).toBe(4);
  });

  test('stays a whole number within the bounds whatever the samples say', () => {
    const share = fc.double({ min: 0, max: 3 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(share, share, share, fc.nat(40)), { maxLength: 50 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 4, max: 32 }),
        (samples, min, max) => {
          let limit = min;
          for (const [
            eventLoopUtilisation,
            cpuLoadPerQuotaCore,
            memoryPressure,
            busySlots,
          ] of samples) {
            limit = nextLimit({
              limit,
              min,
              max,
              busySlots,
              eventLoopUtilisation,
              cpuLoadPerQuotaCore,
              memoryPressure,
            });
            expect(Number.isInteger(limit) && limit >= min && limit <= max).toBe(true);
          }
        },
      ),
    );
  });

  test('reaches the maximum from one under steady calm, and the minimum fast under pressure', () => {
    let limit = 1;
    for (let sample = 0; sample < 15; sample += 1) {
      limit = nextLimit({ ...CALM, limit, busySlots: limit });
    }
    expect(limit).toBe(16);
    for (let sample = 0; sample < 4; sample += 1) {
      limit = nextLimit({ ...CALM, limit, cpuLoadPerQuotaCore: 2 });
    }
    expect(limit).toBe(1);
  });
});
