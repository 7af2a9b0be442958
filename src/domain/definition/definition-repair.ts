import type { z } from 'zod';
import { isJsonObject, type JsonObject } from '../json.ts';
import { LATER_KEYS, type WorkflowDefinition } from './workflow-definition.ts';

type Issue = z.core.$ZodIssue;

/** An issue that only follows from another one: a group of steps, which is not available yet, has no `uses`. */
export function isFollowUp(issue: Issue, step: unknown): boolean {
  return (
    issue.path.length === 3 &&
    issue.path[2] === 'uses' &&
    isJsonObject(step) &&
    step.uses === undefined &&
    Object.keys(step).some((key) => LATER_KEYS.has(key))
  );
}

/**
 * A copy of a definition whose shape is wrong, without its wrong parts, so that the rest can be checked and every
 * mistake be told at once. `undefined` when there are no steps to check. Only for finding errors: never run it.
 */
export function withoutWrongParts(
  value: JsonObject,
  issues: readonly Issue[],
): WorkflowDefinition | undefined {
  if (!Array.isArray(value.steps) || !value.steps.every(isJsonObject)) return undefined;
  const steps = value.steps.map((step) => ({ ...step }));
  const copy: JsonObject = { ...value, steps };
  for (const { path, code } of issues) {
    const [first, index, key] = path;
    if (code === 'unrecognized_keys') {
      if (path.length > 0 && first !== 'steps') dropKey(copy, first);
      if (path.length > 2) dropKey(steps[Number(index)], key);
      continue;
    }
    if (first !== 'steps') dropKey(copy, first);
    else if (path.length > 2) dropKey(steps[Number(index)], key);
    else return undefined;
  }
  steps.forEach((step, index) => {
    if (typeof step.id !== 'string') step.id = `#${index}`;
    if (typeof step.uses !== 'string') step.uses = '';
  });
  // Every part that the schema refused is gone or harmless to the plan, which is what the type says.
  return copy as unknown as WorkflowDefinition;
}

// Ids and kinds stay as they are where they are text: others refer to them.
function dropKey(owner: JsonObject | undefined, key: PropertyKey | undefined): void {
  if (owner === undefined || typeof key !== 'string' || key === 'name') return;
  if (key === 'needs' && Array.isArray(owner.needs)) {
    owner.needs = owner.needs.filter((need) => typeof need === 'string');
  } else if (key !== 'id' && key !== 'uses') {
    Reflect.deleteProperty(owner, key);
  }
}
