import { canonicalJson, sha256Hex } from './canonical-json.ts';
import type { DefinitionError } from './definition-error.ts';
import { MAX_DOCUMENT_LENGTH } from './definition-limits.ts';
import { ErrorList } from './error-list.ts';
import { isJsonObject } from './json.ts';
import { compilePlan, type Plan } from './plan.ts';
import { shapeErrors } from './shape-errors.ts';
import {
  LATER_KEYS,
  RETRY_KEYS,
  STEP_KEYS,
  WORKFLOW_KEYS,
  workflowSchema,
  type WorkflowDefinition,
} from './workflow-definition.ts';

export type { DefinitionError, Violation } from './definition-error.ts';
export type { StepDefinition, WorkflowDefinition } from './workflow-definition.ts';

export type ParsedDefinition =
  | {
      readonly ok: true;
      readonly definition: WorkflowDefinition;
      readonly plan: Plan;
      /** Canonical JSON: keys sorted, no white space. */
      readonly document: string;
      /** SHA-256 (hex) of `document`: equal for definitions that differ in order of keys or in spacing only. */
      readonly hash: string;
    }
  | { readonly ok: false; readonly errors: readonly DefinitionError[] };

/**
 * Reads a definition from what YAML or JSON gave. Either everything is valid and compiled, or every mistake is told at
 * once, each with its place and the nearest valid name; beyond a hundred they are counted. Pure, and never throws.
 * A definition whose shape is wrong is not checked for what its steps mean to one another.
 */
export function parseDefinition(value: unknown): ParsedDefinition {
  const problems: DefinitionError[] = [];
  const document = canonicalJson(value, problems);
  if (problems.length > 0) return refused(problems);
  if (document.length > MAX_DOCUMENT_LENGTH) {
    const message = `a definition has at most ${MAX_DOCUMENT_LENGTH} characters as JSON`;
    return refused([{ path: '', message }]);
  }
  if (!isJsonObject(value)) return refused([{ path: '', message: 'a definition is an object' }]);
  const shape = workflowSchema.safeParse(value);
  if (!shape.success) {
    return refused(shapeErrors(withoutFollowUps(shape.error.issues, value), value, '', keysAt));
  }
  const hash = sha256Hex(document);
  const compiled = compilePlan(shape.data, hash);
  if (!compiled.ok) return compiled;
  return { ok: true, definition: shape.data, plan: compiled.plan, document, hash };
}

function refused(errors: readonly DefinitionError[]): ParsedDefinition {
  const list = new ErrorList();
  for (const error of errors) list.add(error);
  return { ok: false, errors: list.list() };
}

function keysAt(path: readonly PropertyKey[]): readonly string[] {
  const last = path.at(-1);
  if (last === 'retry') return RETRY_KEYS;
  if (last === 'defaults') return ['timeout', 'retry'];
  return path.length === 0 ? WORKFLOW_KEYS : STEP_KEYS;
}
