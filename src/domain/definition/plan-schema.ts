import type { ErrorList } from './error-list.ts';
import type { Json } from '../json.ts';
import { compileJsonSchema, type JsonSchemaValidator } from './json-schema.ts';

export type SchemaValidator = JsonSchemaValidator | undefined;

/** `undefined` without a schema, and after a mistake, which is reported at `path`. */
export function compileSchemaAt(
  schema: Json | undefined,
  path: string,
  errors: Pick<ErrorList, 'add'>,
): SchemaValidator {
  if (schema === undefined) return undefined;
  const compiled = compileJsonSchema(schema);
  if (compiled.ok) return compiled.validator;
  errors.add({ path, message: compiled.error });
  return undefined;
}
