import type { z } from 'zod';
import type { DefinitionError } from './definition-error.ts';
import { isJsonObject } from '../json.ts';
import { formatPath } from './json-path.ts';
import { nearestName } from './nearest-name.ts';
import { LATER_KEYS } from './workflow-definition.ts';

type Issue = z.core.$ZodIssue;

/** Values of the full language, by key, that this version does not have yet. */
const LATER_VALUES: ReadonlyMap<string, readonly string[]> = new Map([
  ['onFailure', ['compensate']],
]);

/**
 * zod's issues in our words: a place for each, the nearest valid name for unknown keys and values.
 * `keysAt` answers which keys are valid at a place, for suggestions.
 */
export function shapeErrors(
  issues: readonly Issue[],
  value: unknown,
  base: string,
  keysAt: (path: readonly PropertyKey[]) => readonly string[],
): DefinitionError[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => unknownKey(key, issue.path, base, keysAt(issue.path)));
    }
    return [plainError(issue, valueAt(value, issue.path), base)];
  });
}

/** The value at a place, `undefined` where there is none. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let found: unknown = value;
  for (const segment of path) {
    if (Array.isArray(found) && typeof segment === 'number') found = found[segment];
    else if (isJsonObject(found) && Object.hasOwn(found, segment)) found = found[String(segment)];
    else return undefined;
  }
  return found;
}

function unknownKey(
  key: string,
  path: readonly PropertyKey[],
  base: string,
  candidates: readonly string[],
): DefinitionError {
  const place = formatPath([...path, key], base);
  if (LATER_KEYS.has(key)) {
    return { path: place, message: `"${key}" is not available in this version` };
  }
  return withNearest({ path: place, message: `unknown key "${key}"` }, key, candidates);
}

function plainError(issue: Issue, found: unknown, base: string): DefinitionError {
  const path = formatPath(issue.path, base);
  if (found === undefined && issue.code !== 'custom') return { path, message: 'is required' };
  if (found === undefined && issue.path.length > 0) return { path, message: 'is required' };
  if (issue.code !== 'invalid_value' || typeof found !== 'string') {
    return { path, message: issue.message };
  }
  const key = String(issue.path.at(-1) ?? '');
  if (LATER_VALUES.get(key)?.includes(found) === true) {
    return { path, message: `"${key}: ${found}" is not available in this version` };
  }
  const values = issue.values.map(String);
  const message = `"${found}" is not one of ${values.join(', ')}`;
  return withNearest({ path, message }, found, values);
}

export function withNearest(
  error: DefinitionError,
  name: string,
  candidates: readonly string[],
): DefinitionError {
  const suggestion = nearestName(name, candidates);
  return suggestion === undefined ? error : { ...error, suggestion };
}
