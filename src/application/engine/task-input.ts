import type { Scope } from '../../domain/expression/scope.ts';
import type { Json } from '../../domain/json.ts';
import type { PlannedStep } from '../../domain/plan.ts';
import type { StepState } from '../../domain/state.ts';

/** The evaluated `with` of a step's present attempt; one without expressions stands in the definition alone. */
export function taskInput(step: PlannedStep, record: StepState): Json {
  if (record.input !== undefined) return record.input;
  const input = step.input.evaluate(NOTHING_IN_SCOPE);
  if (!input.ok) throw new Error(`step "${step.id}" was scheduled without its input`);
  return input.value;
}

const NOTHING_IN_SCOPE: Scope = {
  input: null,
  run: { id: '', name: '', startedAt: '' },
  env: {},
  step: () => undefined,
  succeeded: false,
  failed: false,
};
