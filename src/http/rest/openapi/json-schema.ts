import { z } from 'zod';
import type { JsonObject } from '../../../domain/json.ts';

/**
 * JSON Schema 2020-12, which OpenAPI 3.1 takes as it is. `output`: nothing beside what is named; without it answers may
 * grow, which is what clients are told.
 */
export function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output' = 'input'): JsonObject {
  const made = z.toJSONSchema(schema, {
    io,
    override: ({ jsonSchema }) => {
      // zod's way to say "a number that JavaScript can count with", and its pattern of a time.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
    },
  });
  // zod's output is JSON with hidden properties; the copy drops them.
  const json = JSON.parse(JSON.stringify(made)) as JsonObject;
  delete json.$schema; // the document says it once
  return json;
}
