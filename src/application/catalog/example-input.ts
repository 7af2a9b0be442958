import { isJsonObject, type Json, type JsonObject } from '../../domain/json.ts';

/** What a caller has to fill in: the required properties of an input schema, each with a default or `<type>`. */
export function exampleInput(schema: JsonObject | undefined): JsonObject {
  const { required, properties } = schema ?? {};
  if (!Array.isArray(required) || !isJsonObject(properties)) return {};
  const names = required.filter((name) => typeof name === 'string');
  return Object.fromEntries(names.map((name) => [name, placeholder(properties[name])]));
}

function placeholder(property: Json | undefined): Json {
  if (!isJsonObject(property)) return '<value>';
  const { default: given, enum: values, type } = property;
  if (given !== undefined) return given;
  if (Array.isArray(values) && values[0] !== undefined) return values[0];
  return `<${typeof type === 'string' ? type : 'value'}>`;
}
