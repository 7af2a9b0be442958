import type { Options } from 'ajv';
import type AjvCore from 'ajv/dist/core.js';
import { linearPattern } from '../expression/linear-pattern.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import { canonicalJson } from './canonical-json.ts';

/**
 * Work of checking one value: keywords met, once for each part of the value that meets them. About 1 µs each where they
 * fail. A list of 100,000 objects costs some 500,000; a schema whose branches repeat each other doubles with every level.
 */
export const MAX_CHECK_WORK = 2_000_000;
/** A pattern costs more than other keywords: some 3 µs, and more for long texts. */
const PATTERN_WORK = 3;
const CHARS_PER_WORK = 100;

const WORK = '$work';
const ONE = [
  'items',
  'additionalItems',
  'contains',
  'additionalProperties',
  'propertyNames',
  'not',
];
const SCHEMA = new Set([...ONE, 'if', 'then', 'else', 'unevaluatedItems', 'unevaluatedProperties']);
const SCHEMAS = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems', 'items']);
const NAMED = ['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'];
const NAMED_SCHEMAS = new Set([...NAMED, 'dependencies']);

export class CheckTooCostlyError extends Error {}

let left = MAX_CHECK_WORK;

/** Runs one check; throws CheckTooCostlyError once it has done more than MAX_CHECK_WORK. Checks do not nest. */
export function withinWork<Result>(check: () => Result): Result {
  left = MAX_CHECK_WORK;
  return check();
}

function spend(work: number): void {
  left -= work;
  if (left < 0) throw new CheckTooCostlyError('costs too much to check');
}

/** The schema with its work written into each of its parts, as `boundKeywords` counts it. */
export function withWork(schema: Json): Json {
  if (!isJsonObject(schema)) return schema;
  const counted: JsonObject = {};
  for (const [key, value] of Object.entries(schema)) counted[key] = countedKeyword(key, value);
  // A mere reference is left one, by which ajv finds those that lead nowhere; what it refers to counts.
  const isReference = Object.keys(schema).length === 1 && '$ref' in schema;
  return isReference ? schema : { ...counted, [WORK]: workOf(schema) };
}

function countedKeyword(key: string, value: Json): Json {
  if (Array.isArray(value)) return SCHEMAS.has(key) ? value.map(withWork) : value;
  if (!isJsonObject(value)) return value;
  if (SCHEMA.has(key)) return withWork(value);
  if (!NAMED_SCHEMAS.has(key)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withWork(item)]));
}

/** In measured proportions: a missing name costs an error each, an allowed value or a property that is absent little. */
function workOf(schema: JsonObject): number {
  return Object.entries(schema).reduce((sum, [key, value]) => {
    if (Array.isArray(value)) return sum + (key === 'enum' ? value.length / 50 : value.length);
    return sum + (isJsonObject(value) ? Object.keys(value).length / 10 : 0.25);
  }, 1);
}

const boundPattern = Object.assign(
  (source: string) => {
    const pattern = linearPattern(source);
    const test = (text: string): boolean => {
      spend(PATTERN_WORK + text.length / CHARS_PER_WORK);
      return pattern.test(text);
    };
    return { test, toString: () => pattern.toString() };
  },
  { code: linearPattern.code },
);

export const BOUND_CODE: Options['code'] = { regExp: boundPattern };

/** Counts work, and replaces `uniqueItems`: ajv compares lists and objects each with each. */
export function boundKeywords(ajv: AjvCore.default): void {
  ajv.addKeyword({
    keyword: WORK,
    schemaType: 'number',
    compile: (work: number) => () => {
      spend(work);
      return true;
    },
  });
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    error: { message: 'must NOT have duplicate items' },
    compile: (isWanted: boolean) => (list: Json[]) => !isWanted || isUnique(list),
  });
}

function isUnique(list: readonly Json[]): boolean {
  // What has no canonical text (too deep, prototype keys) is refused wherever it comes from outside.
  return (
    new Set(list.map((item) => canonicalJson(item) ?? JSON.stringify(item))).size === list.length
  );
}
