import fc from 'fast-check';
import { isJsonObject, type Json, type JsonObject } from '../../../../src/domain/json.ts';
import type { Known } from './world.ts';

/** One operation of the document. */
export interface Operation {
  readonly path: string;
  readonly method: string;
  readonly described: JsonObject;
}

/** What is sent, but for values that are chosen among those of the world: `known[name][at % length]`. */
export interface HammerRequest {
  /** Its operationId. */
  readonly operation: string;
  readonly params: Readonly<Record<string, Value>>;
  readonly query: readonly (readonly [string, Value])[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Value | undefined;
}

/** A value with places for those of the world. */
export type Value = Json | Pick;
export class Pick {
  readonly name: string;
  readonly at: number;

  constructor(name: string, at: number) {
    this.name = name;
    this.at = at;
  }

  from(known: Known): string {
    const values = known[this.name] ?? ['x'];
    return values[this.at % values.length] ?? '';
  }
}

const HOSTILE_TEXT = fc.constantFrom(
  '',
  ' ',
  '__proto__',
  'constructor',
  '../../etc/passwd',
  '%00',
  "'; DROP TABLE runs; --",
  '${{ input.x }}',
  '\u0000\u001b[31m',
  '\ud800',
  'ü'.repeat(300),
  'x'.repeat(5_000),
  '{"a":1}',
  'null',
  '-1',
  '1e999',
);
const HOSTILE_JSON: fc.Arbitrary<Json> = fc.oneof(
  HOSTILE_TEXT,
  fc.jsonValue({ maxDepth: 4 }).map((value) => value as Json), // what it is
  fc.constantFrom<Json>(
    null,
    -1,
    1.5,
    9_007_199_254_740_993,
    [],
    {},
    JSON.parse('{"__proto__":{"polluted":1}}') as Json,
    JSON.parse(`${'['.repeat(200)}${']'.repeat(200)}`) as Json,
  ),
);

/** What fits the schema; names that the world knows are mostly taken from it. */
function fitting(schema: Json | undefined, name: string): fc.Arbitrary<Value> {
  if (!isJsonObject(schema)) return HOSTILE_JSON;
  const { type, enum: values, anyOf, items, minimum = 0, maximum = 50 } = schema;
  if (Array.isArray(values)) return fc.constantFrom(...values);
  if (Array.isArray(anyOf)) return fc.oneof(...anyOf.map((one) => fitting(one, name)));
  if (type === 'string') return fc.nat(20).map((at) => new Pick(name, at));
  if (type === 'integer')
    return fc.integer({ min: Number(minimum), max: Math.min(Number(maximum), 60) });
  if (type === 'boolean') return fc.boolean();
  if (type === 'array')
    return fc.array(fitting(items, name), { minLength: 1, maxLength: 3 }).map((all) => all as Json);
  if (isJsonObject(schema.properties)) return fittingObject(schema);
  return type === 'object'
    ? fc.constantFrom<Json>({ who: 'you' }, {}, { name: 'hello', steps: [] })
    : HOSTILE_JSON;
}

function fittingObject({ properties, required }: JsonObject): fc.Arbitrary<Json> {
  if (!isJsonObject(properties)) return fc.constant({});
  const needed = Array.isArray(required) ? required.map(String) : [];
  const fields = Object.entries(properties).map(([name, schema]) => {
    const value = fitting(schema, name);
    return needed.includes(name) ? value : fc.option(value, { nil: undefined, freq: 2 });
  });
  return fc.tuple(...fields).map((values) => {
    const entries = Object.keys(properties).map((name, at): [string, unknown] => [
      name,
      values[at],
    ]);
    // Picks are replaced before it is sent.
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as Json;
  });
}

/** What fits or is the document's example; nearly fits: a field too many, too few or of the wrong kind; or anything. */
function bodies({ schema, example }: JsonObject): fc.Arbitrary<Value> {
  const any = fitting(schema, 'body');
  const fit =
    example === undefined ? any : fc.oneof({ weight: 3, arbitrary: any }, fc.constant(example));
  const broken = fc
    .tuple(fit, fc.nat(10), fc.constantFrom('drop', 'add', 'spoil'), HOSTILE_JSON, HOSTILE_TEXT)
    .map(([body, at, how, value, name]): Value => {
      if (!isJsonObject(body)) return value;
      const names = Object.keys(body);
      const chosen = names[at % Math.max(1, names.length)] ?? name;
      const rest = Object.entries(body).filter(([one]) => one !== chosen);
      if (how === 'drop') return Object.fromEntries(rest);
      if (how === 'add') return { ...body, [name]: value };
      return Object.fromEntries([...rest, [chosen, value]]);
    });
  return fc.oneof({ weight: 5, arbitrary: fit }, { weight: 3, arbitrary: broken }, HOSTILE_JSON);
}

function parameters(operation: Operation, place: string): JsonObject[] {
  const { parameters: all } = operation.described;
  return Array.isArray(all) ? all.filter(isJsonObject).filter((one) => one.in === place) : [];
}

const HEADERS = fc.record(
  {
    'idempotency-key': fc.constantFrom('k1', '"k2"', 'k3', '', 'x'.repeat(300)),
    'if-none-match': fc.constantFrom('"1"', 'W/"2"', '*', 'nonsense'),
    'last-event-id': fc.constantFrom('m.1-0', 'm.99-0', 'nonsense'),
    accept: fc.constantFrom('*/*', 'text/vnd.mermaid', 'text/html', 'application/json', ',;q=a'),
    'content-type': fc.constantFrom('text/plain', 'application/json; charset=utf-8', 'x'),
    traceparent: fc.constantFrom(
      'nonsense',
      '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    ),
  },
  { requiredKeys: [] },
);

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

export function nameOf({ described }: Operation): string {
  return textOf(described.operationId);
}

export function requestsTo(operation: Operation): fc.Arbitrary<HammerRequest> {
  const inPath = parameters(operation, 'path').map(({ name }) => textOf(name));
  const ofPath = fc.tuple(
    ...inPath.map((name) =>
      fc.oneof(
        { weight: 6, arbitrary: fc.nat(20).map((at): Value => new Pick(name, at)) },
        { weight: 1, arbitrary: HOSTILE_TEXT },
      ),
    ),
  );
  const ofQuery = parameters(operation, 'query').map(({ name, schema }) =>
    fc.tuple(
      fc.constant(textOf(name)),
      fc.oneof({ weight: 5, arbitrary: fitting(schema, textOf(name)) }, HOSTILE_TEXT),
    ),
  );
  const extra = fc.tuple(HOSTILE_TEXT, HOSTILE_TEXT);
  const query = fc.oneof(
    { weight: 4, arbitrary: fc.subarray(ofQuery).chain((some) => fc.tuple(...some)) },
    { weight: 1, arbitrary: fc.tuple(extra) },
  );
  const content = operation.described.requestBody;
  return fc.record({
    operation: fc.constant(nameOf(operation)),
    params: ofPath.map((values) =>
      Object.fromEntries(inPath.map((name, at): [string, Value] => [name, values[at] ?? ''])),
    ),
    query: query.map((pairs) => pairs as (readonly [string, Value])[]), // tuples of pairs
    headers: fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: HEADERS }),
    body: content === undefined ? fc.constant(undefined) : bodies(jsonOf(content)),
  });
}

function jsonOf(requestBody: Json): JsonObject {
  const content = isJsonObject(requestBody) ? requestBody.content : undefined;
  const json = isJsonObject(content) ? content['application/json'] : undefined;
  return isJsonObject(json) ? json : {};
}

/** With the values of the world in it. */
export function filled(value: unknown, known: Known): Json {
  if (value instanceof Pick) return value.from(known);
  if (Array.isArray(value)) return value.map((one) => filled(one, known));
  if (typeof value !== 'object' || value === null) return value as Json; // made of JSON and picks
  const entries = Object.entries(value).map(([name, one]): [string, Json] => [
    name,
    filled(one, known),
  ]);
  return Object.fromEntries(entries);
}
