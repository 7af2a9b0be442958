import type { Json } from './json.ts';

/**
 * Levels of lists and objects inside one another in a value that a history holds. Values from outside have at most 64, but
 * steps may wrap each other's outputs. Whoever reads a history descends level by level, and overflows its stack at some
 * 2,000.
 */
export const MAX_STORED_DEPTH = 256;

/** Whether a value can be read back once it is written. */
export function isReadable(value: Json, levels = MAX_STORED_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (levels === 0) return false;
  const items = Array.isArray(value) ? value : Object.values(value);
  return items.every((item) => isReadable(item, levels - 1));
}
