import type { Json } from '../../src/domain/json.ts';
import type { Scope, StepView } from '../../src/domain/expression/scope.ts';

/** A scope for expressions under test: an input, some steps, and a run that succeeded so far. */
export function scopeOf(
  input: Json,
  steps: Readonly<Record<string, Partial<StepView>>> = {},
  rest: Partial<Scope> = {},
): Scope {
  return {
    input,
    run: { id: 'r1', name: 'release', startedAt: '2026-01-02T03:04:05Z' },
    env: { HOME: '/home/ada' },
    step: (id) => {
      const step = Object.hasOwn(steps, id) ? steps[id] : undefined;
      return step && { status: 'completed', output: null, error: null, attempts: 1, ...step };
    },
    succeeded: true,
    failed: false,
    ...rest,
  };
}
