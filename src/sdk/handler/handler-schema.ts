import { z } from 'zod';
import { compileJsonSchema, FORMATS } from '../../domain/definition/json-schema.ts';
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.ts';

/** A zod schema, of this or another copy of zod 4, or a JSON Schema of 2020-12 or draft-07. */
export type HandlerSchema = z.core.$ZodType | JsonObject | boolean;

/** What a handler is given for an input schema. A JSON Schema says nothing to the compiler. */
export type ReadBy<Schema extends HandlerSchema> = Schema extends z.core.$ZodType
  ? z.output<Schema>
  : Json;

/** What a handler may return for an output schema. */
export type WrittenFor<Schema extends HandlerSchema> = Schema extends z.core.$ZodType
  ? z.input<Schema>
  : unknown;

export type ReadInput =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * As JSON Schema, which is what every process checks. What JSON Schema cannot say (`refine`) is left out of it. Throws an
 * Error that says why for a schema that has no JSON form, or one that the engine could not use.
 */
export function toJsonSchema(schema: HandlerSchema): JsonObject | boolean {
  const written = isZod(schema) ? ofZod(schema) : schema;
  const compiled = compileJsonSchema(written);
  if (!compiled.ok) throw new Error(compiled.error);
  return written;
}

/** Reads values by the schema, defaults filled in; a zod schema also checks and changes what it says beyond JSON Schema. */
export function readerOf(schema: HandlerSchema): (value: Json) => ReadInput {
  if (isZod(schema))
    return (value) => {
      const parsed = z.safeParse(schema, value);
      if (parsed.success) return { ok: true, value: parsed.data };
      const problems = parsed.error.issues.map(
        ({ path, message }) => `${['with', ...path].join('.')}: ${message}`,
      );
      return { ok: false, problems };
    };
  const compiled = compileJsonSchema(schema);
  if (!compiled.ok) throw new Error(compiled.error);
  const { validator } = compiled;
  return (value) => {
    const filled = validator.withDefaults(value);
    const problems = validator
      .validate(filled)
      .map(({ path, message }) => `${path === '' ? 'with' : `with.${path}`}: ${message}`);
    return problems.length === 0 ? { ok: true, value: filled } : { ok: false, problems };
  };
}

function isZod(schema: HandlerSchema): schema is z.core.$ZodType {
  return typeof schema === 'object' && '_zod' in schema;
}

function ofZod(schema: z.core.$ZodType): JsonObject {
  const written = z.toJSONSchema(schema, {
    io: 'input',
    // A known format says it all; its pattern may be beyond what the engine's linear matcher takes, and an unknown one
    // is nothing that the engine checks.
    override: ({ jsonSchema }) => {
      if (jsonSchema.format === undefined) return;
      if (KNOWN_FORMATS.has(jsonSchema.format)) delete jsonSchema.pattern;
      else delete jsonSchema.format;
    },
  });
  // The copy drops zod's hidden properties; that it is an object is checked.
  const copy: unknown = JSON.parse(JSON.stringify(written));
  if (!isJsonObject(copy)) throw new Error('zod gave no JSON Schema');
  delete copy.$schema;
  return copy;
}

const KNOWN_FORMATS: ReadonlySet<string> = new Set<string>(FORMATS);
