import type { DefinitionError } from './definition-error.ts';
import type { Plan } from './plan.ts';
import type { WorkflowDefinition } from './workflow-definition.ts';

export type { DefinitionError, Violation } from './definition-error.ts';
export type { StepDefinition, WorkflowDefinition } from './workflow-definition.ts';

export type ParsedDefinition =
  | {
      readonly ok: true;
      readonly definition: WorkflowDefinition;
      readonly plan: Plan;
      /** Canonical JSON: keys sorted, no white space. */
      readonly document: string;
      /** SHA-256 (hex) of `document`. */
      readonly hash: string;
    }
  | { readonly ok: false; readonly errors: readonly DefinitionError[] };

export function parseDefinition(value: unknown): ParsedDefinition {
  return { ok: false, errors: [{ path: '', message: `not parsed: ${typeof value}` }] };
}
