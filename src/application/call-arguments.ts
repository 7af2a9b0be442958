import { z } from 'zod';
import { canonicalJson, jsonProblems, sha256Hex } from '../domain/definition/canonical-json.ts';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';
import { MAX_PAYLOAD_BYTES } from '../domain/limits.ts';
import type { UseCaseError } from './use-case.ts';

/** Longest wait of one call: some clients give up after 30 s, and none should ever block for long. */
export const MAX_WAIT_SECONDS = 25;

/** Places of one value that are named in a refusal. */
const MAX_TOLD_PROBLEMS = 20;

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

/** Text that holds a JSON object or list, before it is known which of the two is meant. */
export class JsonText {
  readonly text: string;
  readonly value: Json;

  constructor(text: string, value: Json) {
    this.text = text;
    this.value = value;
  }
}

/** As jsonValueSchema, for a value whose contract may want the text as it is. */
export function jsonOrTextSchema(description: string) {
  return z
    .unknown()
    .transform((value): Json | JsonText => {
      const parsed = typeof value === 'string' ? parseJson(value) : undefined;
      const isNested = typeof parsed === 'object' && parsed !== null;
      // Arguments arrived as JSON, so that they hold nothing else.
      return typeof value === 'string' && isNested
        ? new JsonText(value, parsed as Json)
        : (value as Json);
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

/** Why a value from outside is not taken: it is no acceptable JSON (`invalid_…`), or too large. `undefined`: it is. */
export function payloadProblem(
  value: unknown,
  name: 'output' | 'payload' | 'context',
): Omit<UseCaseError, 'changed'> | undefined {
  const json = checkJson(value);
  const kind = name === 'output' ? 'output' : 'payload';
  if (!json.ok)
    return {
      code: `invalid_${kind}`,
      message: `${name}: is no acceptable JSON`,
      next: 'Correct the named places; what is nested deeply fits as text.',
      violations: json.violations.slice(0, MAX_TOLD_PROBLEMS),
    };
  if (Buffer.byteLength(json.text) <= MAX_PAYLOAD_BYTES) return undefined;
  return {
    code: `${kind}_too_large`,
    message: `${name}: is larger than ${MAX_PAYLOAD_BYTES} bytes`,
    next: `Keep what is large in a file of the workspace and name it in the ${name}.`,
  };
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
