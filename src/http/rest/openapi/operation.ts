import type { z } from 'zod';
import { isJsonObject, type Json, type JsonObject } from '../../../domain/json.ts';
import { ERROR_STATUSES, STATUS_TITLES, type ErrorStatus } from '../../error-statuses.ts';
import { PROBLEM_TYPE } from '../../problem.ts';
import { takes, type Route } from '../define-route.ts';
import { errorsOf } from '../route-errors.ts';
import { jsonSchemaOf } from './json-schema.ts';

/** One operation of the document. */
export function operationOf(route: Route): JsonObject {
  const { name, tag, summary, description, scope } = route;
  const parameters = parametersOf(route);
  return {
    operationId: name,
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    // Roles of a bearer key; `{}`: on loopback nobody is asked for one.
    security: [{ key: scope === undefined ? [] : [scope] }, {}],
    ...(parameters.length > 0 && { parameters }),
    ...(takes(route.body) && { requestBody: bodyOf(route) }),
    responses: { ...successesOf(route), ...refusalsOf(route) },
  };
}

function parametersOf({ params, query, reads = {}, takesIdempotencyKey }: Route): JsonObject[] {
  const key: NonNullable<Route['reads']> = takesIdempotencyKey
    ? { 'Idempotency-Key': 'The same request again under the same key is applied once' }
    : {};
  return [
    ...parametersIn('path', params),
    ...parametersIn('query', query),
    ...Object.entries({ ...key, ...reads }).map(([name, description]): JsonObject => ({
      name,
      in: 'header',
      description,
      schema: name in key ? { type: 'string', minLength: 1, maxLength: 200 } : { type: 'string' },
    })),
  ];
}

function parametersIn(place: 'path' | 'query', part: z.ZodObject): JsonObject[] {
  const { properties = {}, required = [] } = jsonSchemaOf(part);
  if (!isJsonObject(properties) || !Array.isArray(required)) return [];
  return Object.entries(properties).map(([name, schema]) => {
    const { description, ...rest }: JsonObject = isJsonObject(schema) ? schema : {};
    const isRequired = required.includes(name);
    return {
      name,
      in: place,
      ...(isRequired && { required: true }),
      ...(description !== undefined && { description }),
      schema: rest,
    };
  });
}

function bodyOf({ body, example, textBody }: Route): JsonObject {
  const schema = jsonSchemaOf(body);
  const isRequired = Array.isArray(schema.required) && schema.required.length > 0;
  return {
    required: isRequired,
    // An example was checked against the schema, so that it is JSON.
    content: {
      'application/json': { schema, ...(example !== undefined && { example: example as Json }) },
      ...(textBody && {
        [textBody[0]]: { schema: { type: 'string', description: `The ${textBody[1]} alone` } },
      }),
    },
  };
}

function successesOf({ statuses, answer, otherType, headers = {} }: Route): JsonObject {
  const content: JsonObject = {
    ...(answer && {
      'application/json': { schema: { $ref: `#/components/schemas/${answer[0]}` } },
    }),
    ...(otherType !== undefined && { [otherType]: { schema: { type: 'string' } } }),
  };
  const described = Object.entries(headers).map(([name, description]): [string, Json] => [
    name,
    { description, schema: { type: 'string' } },
  ]);
  const more: JsonObject = described.length > 0 ? { headers: Object.fromEntries(described) } : {};
  const entries = Object.entries(statuses).map(([status, description]): [string, Json] => [
    status,
    { description, ...more, ...(status !== '304' && { content }) },
  ]);
  return Object.fromEntries(entries);
}

function refusalsOf(route: Route): JsonObject {
  const byStatus = new Map<ErrorStatus, string[]>();
  for (const code of errorsOf(route)) {
    const status = ERROR_STATUSES[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code].sort());
  }
  const entries = [...byStatus].map(([status, codes]): [string, Json] => [
    String(status),
    { description: STATUS_TITLES[status], content: { [PROBLEM_TYPE]: { schema: problem(codes) } } },
  ]);
  return Object.fromEntries(entries);
}

function problem(codes: readonly string[]): JsonObject {
  const narrowed = { type: 'object', properties: { code: { enum: [...codes] } } };
  return { allOf: [{ $ref: '#/components/schemas/Problem' }, narrowed] };
}
