import { z } from 'zod';
import { canonicalJson, jsonProblems, sha256Hex } from '../domain/definition/canonical-json.ts';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';

/** Longest wait of one call: some clients give up after 30 s, and none should ever block for long. */
export const MAX_WAIT_SECONDS = 25;

/** Names an existing run. */
export const runIdSchema = z.string().trim().min(1);

export const idempotencyKeySchema = z.string().min(1).max(200).optional();

export const reasonSchema = z.string().max(1_000).optional();

/**
 * An object, given as one or as its JSON text: some clients turn nested arguments into text. The published schema
 * says `object`, because a union is more than some clients accept.
 */
export function jsonObjectSchema(description: string) {
  return z
    .unknown()
    .transform((value, context): JsonObject => {
      const parsed = typeof value === 'string' ? parseJson(value) : value;
      if (isJsonObject(parsed)) return parsed;
      context.addIssue({ code: 'custom', message: 'must be a JSON object' });
      return z.NEVER;
    })
    .meta({ type: 'object', description });
}

/** Any JSON value. Text that holds a JSON object or list counts as that object or list, other text stays text. */
export function jsonValueSchema(description: string) {
  return z
    .unknown()
    .transform((value): Json => {
      const parsed = typeof value === 'string' ? parseJson(value) : undefined;
      const isNested = typeof parsed === 'object' && parsed !== null;
      // Arguments arrived as JSON, so that they hold nothing else.
      return (isNested ? parsed : value) as Json;
    })
    .meta({ type: 'object', description });
}

/** A whole number within bounds; `"20"` counts as 20, as some clients send every argument as text. */
export function wholeNumberSchema(min: number, max?: number) {
  const bounded = z.int().min(min);
  return z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value),
    max === undefined ? bounded : bounded.max(max),
  );
}

/** A list of names; `"a, b"` counts as two, as some clients send every argument as text. */
export function nameListSchema(name: z.ZodString, max: number) {
  return z.preprocess((value) => {
    if (typeof value !== 'string') return value;
    const parsed: unknown = parseJson(value);
    if (Array.isArray(parsed)) return parsed as unknown[]; // of anything: the schema looks
    return value.split(',').flatMap((part) => part.trim() || []);
  }, z.array(name).max(max));
}

export function flagSchema() {
  return z.preprocess(
    (value) => (value === 'true' ? true : value === 'false' ? false : value),
    z.boolean(),
  );
}

export type JsonChecked =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly violations: readonly { path: string; message: string }[] };

/** Canonical text of a value from outside, or where it is not acceptable JSON (too deep, prototype keys). */
export function checkJson(value: unknown): JsonChecked {
  const text = canonicalJson(value);
  return text === undefined ? { ok: false, violations: jsonProblems(value) } : { ok: true, text };
}

/** Tells a repeated request from another one under the same key. */
export function digestOf(...parts: readonly string[]): string {
  return sha256Hex(JSON.stringify(parts));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
