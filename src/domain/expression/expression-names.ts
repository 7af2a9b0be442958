import { nearestName } from '../definition/nearest-name.ts';

/** A mistake in an expression, without its place. */
export interface ExpressionProblem {
  readonly message: string;
  readonly suggestion?: string;
}

/** Variables of the language and, where they have a fixed shape, their fields. */
const FIELDS: Readonly<Record<string, readonly string[] | undefined>> = {
  input: undefined,
  env: undefined,
  run: ['id', 'name', 'startedAt'],
  steps: ['status', 'output', 'error', 'attempts'],
};
const VARIABLES = Object.keys(FIELDS);
const LATER_VARIABLES = new Set(['item', 'index', 'output']);

export function isVariable(name: string): boolean {
  return Object.hasOwn(FIELDS, name);
}

export function unknownVariable(name: string, loopVariables: readonly string[]): ExpressionProblem {
  if (LATER_VARIABLES.has(name)) {
    return { message: `the variable "${name}" is not available in this version` };
  }
  return withNearest(`no variable "${name}"`, name, [...VARIABLES, ...loopVariables]);
}

/** `root.segments…` as far as it is known before a run; adds the step that it names to `stepIds`. */
export function checkPath(
  root: string,
  segments: readonly string[],
  stepIds: Set<string>,
): ExpressionProblem | undefined {
  const fields = FIELDS[root];
  if (fields === undefined) return undefined;
  const rest = root === 'steps' ? segments.slice(1) : segments;
  if (root === 'steps') {
    const [id] = segments;
    if (id === undefined)
      return { message: '"steps" must be followed by a step: steps.<id>.output' };
    stepIds.add(id);
  }
  const [field] = rest;
  if (field === undefined || fields.includes(field)) return undefined;
  const owner = root === 'steps' ? 'a step' : `"${root}"`;
  return withNearest(`${owner} has no field "${field}"`, field, fields);
}

export function withNearest(
  message: string,
  name: string,
  candidates: readonly string[],
): ExpressionProblem {
  const suggestion = nearestName(name, candidates);
  return suggestion === undefined ? { message } : { message, suggestion };
}
