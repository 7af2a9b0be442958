import type { z } from 'zod';
import { formatPath } from '../domain/definition/json-path.ts';
import { isJsonObject } from '../domain/json.ts';
import { nearestName } from '../domain/definition/nearest-name.ts';
import type { UseCaseError, UseCaseResult } from './use-case.ts';

/** Arguments that are compared with those that there are: a flood of them would hold up everybody. */
const MAX_LOOKED_AT = 100;
/** Shorter names are near to anything. */
const MIN_SLIP_CHARS = 4;

/**
 * Arguments from outside, checked by a use case's schema. Unknown ones are dropped, because clients add their own
 * (`wait_for_previous`); one that looks like a misspelt known name is refused: without it the call would mean another.
 */
export function parseArguments<Schema extends z.ZodObject>(
  schema: Schema,
  given: unknown,
): UseCaseResult<z.infer<Schema>> {
  const parsed = schema.safeParse(given ?? {});
  const read = parsed.success ? parsed : schema.safeParse(withoutBlanks(given));
  if (!read.success) return { ok: false, error: argumentError(schema, given, issuesOf(parsed)) };
  const misspelt = misspeltArguments(schema, given);
  if (misspelt.length > 0) return { ok: false, error: refusalOf(schema, misspelt) };
  return { ok: true, value: read.data };
}

function issuesOf({ error }: z.ZodSafeParseResult<unknown>): readonly z.core.$ZodIssue[] {
  return error?.issues ?? [];
}

/** Some clients send `null` or an empty text for what they mean to leave out. */
function withoutBlanks(given: unknown): unknown {
  if (!isJsonObject(given)) return given;
  const entries = Object.entries(given).filter(([, value]) => value !== null && value !== '');
  return Object.fromEntries(entries);
}

function argumentError(
  schema: z.ZodObject,
  given: unknown,
  issues: readonly z.core.$ZodIssue[],
): UseCaseError {
  return refusalOf(
    schema,
    issues.map((issue) => violationOf(schema, given, issue)),
  );
}

interface ArgumentViolation {
  readonly path: string;
  readonly message: string;
  readonly suggestion?: string;
}

function refusalOf(schema: z.ZodObject, violations: readonly ArgumentViolation[]): UseCaseError {
  return {
    code: 'invalid_arguments',
    message: violations.map(({ path, message }) => `${path}: ${message}`).join('; '),
    changed: 'nothing',
    next: `Correct the named fields and call again. Arguments: ${signatureOf(schema)}.`,
    violations,
  };
}

function violationOf(
  schema: z.ZodObject,
  given: unknown,
  issue: z.core.$ZodIssue,
): ArgumentViolation {
  const path = formatPath(issue.path) || 'arguments';
  const isMissing = isJsonObject(given) && issue.path.length === 1 && !(path in given);
  if (!isMissing) return { path, message: issue.message };
  const unknown = Object.keys(given)
    .filter((name) => !(name in schema.shape))
    .slice(0, MAX_LOOKED_AT);
  const misspelt = nearestName(path, unknown);
  const hint = misspelt === undefined ? '' : ` (you sent "${misspelt}")`;
  return { path, message: `is required${hint}` };
}

/** Close enough to an argument that was not given to be a slip: few letters differ, and the first does not. */
function misspeltArguments(schema: z.ZodObject, given: unknown): ArgumentViolation[] {
  if (!isJsonObject(given)) return [];
  const missing = Object.keys(schema.shape).filter((name) => !(name in given));
  const looked = Object.keys(given).slice(0, MAX_LOOKED_AT);
  return looked.flatMap((path) => {
    if (path in schema.shape || path.length < MIN_SLIP_CHARS) return [];
    const suggestion = nearestName(path, missing);
    if (suggestion === undefined || suggestion[0] !== path[0]) return [];
    return [{ path, message: 'is no argument of this tool', suggestion }];
  });
}

function signatureOf(schema: z.ZodObject): string {
  const shape: Readonly<Record<string, z.core.$ZodType>> = schema.shape;
  return Object.entries(shape)
    .map(([name, field]) => (field._zod.optin === 'optional' ? `${name}?` : name))
    .join(', ');
}
