import { MAX_JSON_DEPTH } from '../../domain/definition/definition-limits.ts';
import type { Json } from '../../domain/json.ts';

export type ParsedJson = { readonly value: Json } | { readonly problem: string };

/**
 * JSON from a command, no deeper than everything else from outside may be: JSON.parse takes nesting of any depth, and
 * JSON.stringify and every other reader of the value would then overflow the stack.
 */
export function parseCommandJson(text: string): ParsedJson {
  try {
    // JSON.parse answers any; what it parsed is JSON by definition.
    const value = JSON.parse(text) as Json;
    return isDeeperThan(MAX_JSON_DEPTH, value)
      ? { problem: `it is nested too deeply, more than ${MAX_JSON_DEPTH} levels` }
      : { value };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function isDeeperThan(levels: number, value: Json): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels < 0 || Object.values(value).some((item) => isDeeperThan(levels - 1, item));
}
