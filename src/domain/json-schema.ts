import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type AjvCore from 'ajv/dist/core.js';
import addFormats, { type FormatName } from 'ajv-formats';
import type { Violation } from './definition-error.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import { joinPath } from './json-path.ts';
import { linearPattern } from './linear-pattern.ts';
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

/** Violations told at once; the rest is counted. */
export const MAX_VIOLATIONS = 20;

const FORMATS: FormatName[] = [
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
  // Every definition brings its own schemas: an `$id` must not be remembered.
  addUsedSchema: false,
  logger: false,
  code: { regExp: linearPattern },
};

/**
 * Compiles a JSON Schema of 2020-12 (the default) or draft-07 (when `$schema` says so). Unknown keywords and formats
 * are refused, and so is a `$ref` to anything outside the schema: nothing is ever fetched. Patterns are RE2's.
 */
export function compileJsonSchema(schema: Json): CompiledSchema {
  if (typeof schema !== 'boolean' && !isJsonObject(schema)) {
    return { ok: false, error: 'a JSON Schema is an object (or true or false)' };
  }
  const problem = schemaProblem(schema);
  if (problem !== undefined) return { ok: false, error: problem };
  try {
    const validate = compile(schema, { useDefaults: false });
    return { ok: true, validator: new Validator(schema, validate) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, error: `not a usable JSON Schema: ${reason}` };
  }
}

class Validator implements JsonSchemaValidator {
  readonly #schema: JsonObject | boolean;
  readonly #validate: ValidateFunction;
  #fillIn: ValidateFunction | undefined;

  constructor(schema: JsonObject | boolean, validate: ValidateFunction) {
    this.#schema = schema;
    this.#validate = validate;
  }

  validate(value: Json): readonly Violation[] {
    try {
      if (this.#validate(value)) return [];
      const errors = this.#validate.errors ?? [];
      const violations = errors.slice(0, MAX_VIOLATIONS).map(toViolation);
      const hidden = errors.length - violations.length;
      return hidden > 0 ? [...violations, { path: '', message: `and ${hidden} more` }] : violations;
    } catch (error) {
      // A schema that refers to itself without end, or a value nested beyond the stack.
      if (error instanceof RangeError) {
        return [{ path: '', message: 'nested too deeply to be checked' }];
      }
      throw error;
    } finally {
      this.#validate.errors = null;
    }
  }

  withDefaults(value: Json): Json {
    this.#fillIn ??= compile(this.#schema, { useDefaults: true });
    const copy = structuredClone(value);
    try {
      this.#fillIn(copy);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
    return copy;
  }
}

// One instance a dialect and purpose: building one costs milliseconds. `removeSchema` keeps them from growing.
const instances = new Map<string, AjvCore.default>();

function compile(
  schema: JsonObject | boolean,
  options: { readonly useDefaults: boolean },
): ValidateFunction {
  const dialect = dialectOf(schema);
  const key = `${dialect} ${options.useDefaults}`;
  let ajv = instances.get(key);
  if (ajv === undefined) {
    const Dialect = dialect === 'draft-07' ? Ajv : Ajv2020;
    ajv = new Dialect({ ...OPTIONS, ...options });
    addFormats.default(ajv, { mode: 'fast', formats: FORMATS });
    instances.set(key, ajv);
  }
  try {
    return ajv.compile(schema);
  } finally {
    ajv.removeSchema(schema);
  }
}

function dialectOf(schema: JsonObject | boolean): 'draft-07' | '2020-12' {
  const declared = isJsonObject(schema) ? schema.$schema : undefined;
  return typeof declared === 'string' && declared.includes('draft-07') ? 'draft-07' : '2020-12';
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
