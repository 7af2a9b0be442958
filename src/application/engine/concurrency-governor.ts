import type { LoadSample } from '../../ports/load-probe.ts';

/**
 * Additive increase, multiplicative decrease (Chiu and Jain, 1989): grow by one slot while the machine is calm and
 * every slot is in use, halve at the first sign of pressure. Between the two thresholds the limit holds, so that it
 * does not swing. Pure: the caller samples at an even pace and feeds the answer back.
 */
export interface GovernorInput extends LoadSample {
  /** The present limit. */
  readonly limit: number;
  /** At least 1, so that work always goes on. */
  readonly min: number;
  readonly max: number;
  readonly busySlots: number;
}

/** Grow only when all measures are below these. */
export const CALM_BELOW: LoadSample = {
  eventLoopUtilisation: 0.7,
  cpuLoadPerQuotaCore: 0.95,
  memoryPressure: 0.8,
};

/**
 * Shrink when any measure is above its own: a busy event loop renews leases late, and half a core's worth of waiting
 * work per core is ordinary for builds.
 */
export const PRESSED_ABOVE: LoadSample = {
  eventLoopUtilisation: 0.9,
  cpuLoadPerQuotaCore: 1.5,
  memoryPressure: 0.92,
};

export const GROWTH_SLOTS = 1;
export const SHRINK_FACTOR = 0.5;

function isPressed(input: GovernorInput): boolean {
  return (
    input.eventLoopUtilisation > PRESSED_ABOVE.eventLoopUtilisation ||
    input.cpuLoadPerQuotaCore > PRESSED_ABOVE.cpuLoadPerQuotaCore ||
    input.memoryPressure > PRESSED_ABOVE.memoryPressure
  );
}

function isCalm(input: GovernorInput): boolean {
  return (
    input.eventLoopUtilisation < CALM_BELOW.eventLoopUtilisation &&
    input.cpuLoadPerQuotaCore < CALM_BELOW.cpuLoadPerQuotaCore &&
    input.memoryPressure < CALM_BELOW.memoryPressure
  );
}

function proposedLimit(input: GovernorInput): number {
  if (isPressed(input)) return Math.floor(input.limit * SHRINK_FACTOR);
  // A limit that nobody reaches says nothing about what the machine can bear.
  if (isCalm(input) && input.busySlots >= input.limit) return input.limit + GROWTH_SLOTS;
  return input.limit;
}

/**
 * The limit until the next sample: a whole number within `min..max` (`min` wins if they cross). A measure that is not
 * a number counts as neither calm nor pressed. Running steps are never stopped: a lower limit only delays new claims.
 */
export function nextLimit(input: GovernorInput): number {
  const floor = Math.max(1, Math.ceil(input.min));
  return Math.max(floor, Math.min(Math.floor(input.max), proposedLimit(input)));
}
