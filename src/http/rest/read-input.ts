import { z } from 'zod';
import { formatPath } from '../../domain/definition/json-path.ts';
import { nearestName } from '../../domain/definition/nearest-name.ts';
import type { UseCaseError, UseCaseResult } from '../../application/use-case.ts';

/** As it was sent: every parameter once, unless it may be repeated. */
export interface RawInput {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, readonly string[]>>;
  readonly body: unknown;
}

interface InputSchemas<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
}

interface ReadInput<Params, Query, Body> {
  readonly params: z.infer<Params>;
  readonly query: z.infer<Query>;
  readonly body: z.infer<Body>;
}

type Violations = { path: string; message: string; suggestion?: string }[];

/** Unknown members that are named. */
const MAX_NAMED = 100;

/** What operations, and the tools beside them, call alike things by, where letters do not tell. */
const OTHER_WORDS: ReadonlyMap<string, readonly string[]> = new Map([
  ['reason', ['message', 'note', 'comment']],
  ['message', ['reason', 'note', 'comment']],
  ['error', ['message', 'reason']],
  ['comment', ['note', 'reason', 'message']],
  ['workflow', ['type']],
  ['yaml', ['definition']],
  ['result', ['output']],
]);

/** Checks all parts, and tells all that is wrong at once. What is not known is refused, so that nothing is ignored quietly. */
export function readInput<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodObject,
>(
  schemas: InputSchemas<Params, Query, Body>,
  raw: RawInput,
): UseCaseResult<ReadInput<Params, Query, Body>> {
  const params = schemas.params.safeParse(raw.params);
  const query = schemas.query.safeParse(singly(schemas.query, raw.query));
  const body = schemas.body.safeParse(raw.body);
  if (params.success && query.success && body.success)
    return { ok: true, value: { params: params.data, query: query.data, body: body.data } };
  const violations = [
    ...violationsOf('path', schemas.params, params.error),
    ...violationsOf('query', schemas.query, query.error),
    ...violationsOf('body', schemas.body, body.error),
  ];
  return { ok: false, error: refusal(violations) };
}

/** A parameter that is given once stands for itself, unless its schema wants a list. */
function singly(schema: z.ZodObject, query: RawInput['query']): Record<string, unknown> {
  const shape: Readonly<Record<string, z.core.$ZodType>> = schema.shape;
  const entries = Object.entries(query).map(([name, values]): [string, unknown] => {
    const field = Object.hasOwn(shape, name) ? shape[name] : undefined;
    return [name, values.length === 1 && !isList(field) ? values[0] : values];
  });
  return Object.fromEntries(entries);
}

function isList(field: z.core.$ZodType | undefined): boolean {
  const inner = field instanceof z.ZodOptional ? field.unwrap() : field;
  return inner instanceof z.ZodArray;
}

function violationsOf(
  part: 'path' | 'query' | 'body',
  schema: z.ZodObject,
  error: z.ZodError | undefined,
): Violations {
  return (error?.issues ?? []).flatMap((issue) => {
    const at = formatPath([part, ...issue.path]);
    if (issue.code !== 'unrecognized_keys') return [{ path: at, message: issue.message }];
    // Each is compared with all that are known; of a flood of them the first say enough.
    return issue.keys.slice(0, MAX_NAMED).map((key) => unknownMember(at, key, schema));
  });
}

function unknownMember(at: string, key: string, schema: z.ZodObject): Violations[number] {
  const known = Object.keys(schema.shape);
  const suggestion =
    nearestName(key, known) ?? (OTHER_WORDS.get(key) ?? []).find((word) => known.includes(word));
  return {
    path: `${at}.${key}`,
    message: 'is not known here',
    ...(suggestion !== undefined && { suggestion }),
  };
}

function refusal(violations: Violations): UseCaseError {
  return {
    code: 'invalid_arguments',
    message: violations.map(({ path, message }) => `${path}: ${message}`).join('; '),
    changed: 'nothing',
    next: 'Correct the named places and send it again; GET /api/v1/openapi.json describes every operation.',
    violations,
  };
}
