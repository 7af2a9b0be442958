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
  return steps.map((step, index) => {
    if (step.needs === undefined || step.needs.length === 0) return NONE;
    const found = new Set<number>();
    step.needs.forEach((id, at) => {
      const path = `steps[${index}].needs[${at}]`;
      const need = indexOf.get(id);
      if (need === undefined) errors.addLazily(() => unknownStep(path, id, indexOf));
      else if (need === index) errors.add({ path, message: 'a step cannot need itself' });
      else if (found.has(need)) errors.add({ path, message: `"${id}" is listed twice` });
      else found.add(need);
    });
    return [...found];
  });
}

export function unknownStep(
  path: string,
  id: string,
  indexOf: ReadonlyMap<string, number>,
): ReturnType<typeof withNearest> {
  return withNearest({ path, message: `no step "${id}"` }, id, [...indexOf.keys()]);
}

const NONE: readonly number[] = [];
