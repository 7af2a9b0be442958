import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type AjvCore from 'ajv/dist/core.js';
import addFormats, { type FormatName } from 'ajv-formats';
import type { Violation } from './definition-error.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import { joinPath } from './json-path.ts';
import {
  BOUND_CODE,
  CheckTooCostlyError,
  boundKeywords,
  withWork,
  withinWork,
} from './bounded-check.ts';
import { schemaProblem } from './schema-limits.ts';

export interface JsonSchemaValidator {
  /** Every violation up to a bound; [] means valid. Never changes the value. */
  validate(value: Json): readonly Violation[];
  /** A copy in which missing values have their `default`. Says nothing of validity. */
  withDefaults(value: Json): Json;
}

export type CompiledSchema =
  | { readonly ok: true; readonly validator: JsonSchemaValidator }
  | { readonly ok: false; readonly error: string };

const DRAFT_07 = 'http://json-schema.org/draft-07/schema';
const DRAFT_2020 = 'https://json-schema.org/draft/2020-12/schema';

/** Violations told at once; the rest is counted. */
export const MAX_VIOLATIONS = 20;

/** Formats that are checked; others are refused. */
export const FORMATS: FormatName[] = [
  'date',
  'date-time',
  'time',
  'duration',
  'email',
  'hostname',
  'ipv4',
  'ipv6',
  'uri',
  'uri-reference',
  'uuid',
  'json-pointer',
];

const OPTIONS: Options = {
  allErrors: true,
  strict: true,
  // Strictness that refuses sound schemas: a union of types, `required` next to an `anyOf`, an open tuple.
  strictTypes: false,
  strictRequired: false,
  strictTuples: false,
  logger: false,
  // The meta-schema has its own instance, which is built once.
  meta: false,
  validateSchema: false,
  code: BOUND_CODE,
};

/**
 * Compiles a JSON Schema of 2020-12 (the default) or draft-07 (when `$schema` says so). Unknown keywords and formats
 * are refused, and so is a `$ref` to anything outside the schema: nothing is ever fetched. Patterns are RE2's.
 */
export function compileJsonSchema(schema: Json): CompiledSchema {
  if (typeof schema === 'boolean') return compileJsonSchema(schema ? {} : { not: {} });
  if (!isJsonObject(schema)) {
    return { ok: false, error: 'a JSON Schema is an object (or true or false)' };
  }
  try {
    const problem = schemaProblem(schema) ?? metaProblem(schema);
    if (problem !== undefined) return { ok: false, error: problem };
    return { ok: true, validator: new Validator(schema, compile(schema, false)) };
  } catch (error) {
    const reason =
      error instanceof RangeError
        ? 'it refers to itself without end'
        : error instanceof Error
          ? error.message
          : String(error);
    return { ok: false, error: `not a usable JSON Schema: ${reason}` };
  }
}

class Validator implements JsonSchemaValidator {
  readonly #schema: JsonObject;
  readonly #validate: ValidateFunction;
  #fillIn: ValidateFunction | undefined;

  constructor(schema: JsonObject, validate: ValidateFunction) {
    this.#schema = schema;
    this.#validate = validate;
  }

  validate(value: Json): readonly Violation[] {
    try {
      if (withinWork(() => this.#validate(value))) return [];
      const errors = this.#validate.errors ?? [];
      const violations = errors.slice(0, MAX_VIOLATIONS).map(toViolation);
      const hidden = errors.length - violations.length;
      return hidden > 0 ? [...violations, { path: '', message: `and ${hidden} more` }] : violations;
    } catch (error) {
      // A schema that refers to itself without end, or a value nested beyond the stack.
      if (error instanceof RangeError) {
        return [{ path: '', message: 'nested too deeply to be checked' }];
      }
      if (error instanceof CheckTooCostlyError) {
        return [{ path: '', message: 'is too large to be checked against its schema' }];
      }
      throw error;
    } finally {
      this.#validate.errors = null;
    }
  }

  withDefaults(value: Json): Json {
    this.#fillIn ??= compile(this.#schema, true);
    const copy = structuredClone(value);
    try {
      const fillIn = this.#fillIn;
      withinWork(() => fillIn(copy));
    } catch (error) {
      if (!(error instanceof RangeError || error instanceof CheckTooCostlyError)) throw error;
    }
    return copy;
  }
}

const DIALECTS = { 'draft-07': Ajv, '2020-12': Ajv2020 } as const;
type Dialect = keyof typeof DIALECTS;

// A fresh instance each time: ajv keeps whatever it has compiled for as long as the instance lives.
function compile(schema: JsonObject, useDefaults: boolean): ValidateFunction {
  const ajv = new DIALECTS[dialectOf(schema) ?? '2020-12']({ ...OPTIONS, useDefaults });
  addFormats.default(ajv, { mode: 'fast', formats: FORMATS });
  boundKeywords(ajv);
  // The root is an object, and stays one.
  return ajv.compile(withWork(schema) as JsonObject);
}

const metaInstances = new Map<Dialect, AjvCore.default>();

function metaProblem(schema: JsonObject): string | undefined {
  const dialect = dialectOf(schema);
  if (dialect === undefined) return '$schema must be that of draft-07 or 2020-12';
  let meta = metaInstances.get(dialect);
  if (meta === undefined)
    metaInstances.set(dialect, (meta = new DIALECTS[dialect]({ logger: false })));
  if (meta.validateSchema(schema) === true) return undefined;
  const [first] = meta.errors ?? [];
  const violation = first === undefined ? undefined : toViolation(first);
  return `not a JSON Schema: ${violation?.path ?? ''} ${violation?.message ?? ''}`;
}

function dialectOf({ $schema }: JsonObject): Dialect | undefined {
  if ($schema === undefined) return '2020-12';
  if (typeof $schema !== 'string') return undefined;
  return (['draft-07', '2020-12'] as const).find((dialect) =>
    $schema.startsWith(dialect === 'draft-07' ? DRAFT_07 : DRAFT_2020),
  );
}

function toViolation(error: ErrorObject): Violation {
  const base = pointerToPath(error.instancePath);
  // Types of ajv leave `params` open: its shape goes with the keyword.
  const params = error.params as Readonly<Record<string, unknown>>;
  const message = error.message ?? 'is not valid';
  if (typeof params.additionalProperty === 'string') {
    return { path: joinPath(base, params.additionalProperty), message: 'is not allowed' };
  }
  if (error.keyword === 'required' && typeof params.missingProperty === 'string') {
    return { path: joinPath(base, params.missingProperty), message: 'is required' };
  }
  const allowed = params.allowedValues ?? params.allowedValue;
  const detail = allowed === undefined ? '' : `: ${JSON.stringify(allowed)}`;
  return { path: base, message: `${message}${detail}` };
}

function pointerToPath(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, part) => joinPath(path, /^\d+$/.test(part) ? Number(part) : part), '');
}
