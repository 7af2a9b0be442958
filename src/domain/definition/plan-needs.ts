import type { ErrorList } from './error-list.ts';
import { withNearest } from './shape-errors.ts';
import type { StepDefinition } from './workflow-definition.ts';

export function indexSteps(
  steps: readonly StepDefinition[],
  errors: ErrorList,
): ReadonlyMap<string, number> {
  const indexOf = new Map<string, number>();
  steps.forEach(({ id }, index) => {
    const first = indexOf.get(id);
    if (first === undefined) indexOf.set(id, index);
    else errors.add({ path: `steps[${index}].id`, message: `"${id}" is already steps[${first}]` });
  });
  return indexOf;
}

/** Indexes of what each step needs; unknown, repeated and own ids are reported and left out. */
export function resolveNeeds(
  steps: readonly StepDefinition[],
  indexOf: ReadonlyMap<string, number>,
  errors: ErrorList,
): readonly (readonly number[])[] {
  return steps.map(({ needs }, index) =>
    needs === undefined || needs.length === 0 ? NONE : resolve(needs, index, indexOf, errors),
  );
}

function resolve(
  ids: readonly string[],
  index: number,
  indexOf: ReadonlyMap<string, number>,
  errors: ErrorList,
): readonly number[] {
  const found: number[] = [];
  // Joins of thousands of steps exist; for the usual few a set costs more than it saves.
  const seen = ids.length > 8 ? new Set<string>() : undefined;
  for (const [at, id] of ids.entries()) {
    const need = indexOf.get(id);
    const isRepeated = need !== undefined && (seen ? seen.has(id) : found.includes(need));
    seen?.add(id);
    if (need !== undefined && need !== index && !isRepeated) {
      found.push(need);
      continue;
    }
    const path = `steps[${index}].needs[${at}]`;
    if (need === undefined) errors.addLazily(() => unknownStep(path, id, indexOf));
    else if (isRepeated) errors.add({ path, message: `"${id}" is listed twice` });
    else errors.add({ path, message: 'a step cannot need itself' });
  }
  return found;
}

export function unknownStep(
  path: string,
  id: string,
  indexOf: ReadonlyMap<string, number>,
): ReturnType<typeof withNearest> {
  return withNearest({ path, message: `no step "${id}"` }, id, [...indexOf.keys()]);
}

const NONE: readonly number[] = [];
