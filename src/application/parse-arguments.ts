import type { z } from 'zod';
import { formatPath } from '../domain/definition/json-path.ts';
import { isJsonObject } from '../domain/json.ts';
import { nearestName } from '../domain/definition/nearest-name.ts';
import type { UseCaseError, UseCaseResult } from './use-case.ts';

/**
 * Arguments from outside, checked by a use case's schema. Unknown ones are dropped, because clients add their own
 * (`wait_for_previous`); one that looks like a misspelt known name is mentioned when something else is wrong.
 */
export function parseArguments<Schema extends z.ZodObject>(
  schema: Schema,
  given: unknown,
): UseCaseResult<z.infer<Schema>> {
  const parsed = schema.safeParse(given ?? {});
  if (parsed.success) return { ok: true, value: parsed.data };
  const filled = schema.safeParse(withoutBlanks(given));
  if (filled.success) return { ok: true, value: filled.data };
  return { ok: false, error: argumentError(schema, given, parsed.error.issues) };
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
  const violations = issues.map((issue) => violationOf(schema, given, issue));
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
): { path: string; message: string; suggestion?: string } {
  const path = formatPath(issue.path) || 'arguments';
  const isMissing = isJsonObject(given) && issue.path.length === 1 && !(path in given);
  if (!isMissing) return { path, message: issue.message };
  const unknown = Object.keys(given).filter((name) => !(name in schema.shape));
  const misspelt = nearestName(path, unknown);
  const hint = misspelt === undefined ? '' : ` (you sent "${misspelt}")`;
  return { path, message: `is required${hint}` };
}

function signatureOf(schema: z.ZodObject): string {
  const shape: Readonly<Record<string, z.core.$ZodType>> = schema.shape;
  return Object.entries(shape)
    .map(([name, field]) => (field._zod.optin === 'optional' ? `${name}?` : name))
    .join(', ');
}
