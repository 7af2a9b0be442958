import type { ErrorList } from './error-list.ts';
import { unknownStep } from './plan-needs.ts';
import { Reachability } from '../reachability.ts';

/** An expression that refers to steps. */
export interface Reference {
  readonly path: string;
  /** The step it stands in; `undefined` at the top level, where every step may be referred to. */
  readonly from: number | undefined;
  readonly stepIds: ReadonlySet<string>;
}

interface Steps {
  readonly needs: readonly (readonly number[])[];
  readonly indexOf: ReadonlyMap<string, number>;
  /** `undefined` when the graph has a cycle: then what comes after what cannot be told. */
  readonly levels: Int32Array | undefined;
  readonly errors: ErrorList;
}

/** A step may refer to what it needs, directly or through others: anything else might not have run yet. */
export function checkReferences(references: readonly Reference[], steps: Steps): void {
  const { indexOf, errors, levels } = steps;
  const reachability = levels && new Reachability(steps.needs, levels);
  for (const { path, from, stepIds } of references) {
    for (const id of stepIds) {
      const target = indexOf.get(id);
      if (target === undefined) errors.addLazily(() => unknownStep(path, id, indexOf));
      else if (target === from)
        errors.add({ path, message: `a step cannot refer to itself ("${id}")` });
      else if (from !== undefined && reachability?.isAfter(from, target) === false) {
        errors.add({
          path,
          message: `refers to step "${id}", which might not have run yet: add "${id}" to steps[${from}].needs`,
        });
      }
    }
  }
}
