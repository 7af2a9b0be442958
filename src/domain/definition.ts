import type { z } from 'zod';
import { canonicalJson, jsonProblems, sha256Hex } from './definition/canonical-json.ts';
import type { DefinitionError } from './definition/definition-error.ts';
import { MAX_DOCUMENT_LENGTH } from './definition/definition-limits.ts';
import { ErrorList } from './definition/error-list.ts';
import { isFollowUp, withoutWrongParts } from './definition/definition-repair.ts';
import { isJsonObject, type JsonObject } from './json.ts';
import { formatPath } from './definition/json-path.ts';
import type { DeclaredKinds } from './definition/kind-declaration.ts';
import { pinKinds, type Pinned } from './definition/pin-kinds.ts';
import { compilePlan, type Plan } from './plan.ts';
import { shapeErrors, valueAt } from './definition/shape-errors.ts';
import {
  RETRY_KEYS,
  STEP_KEYS,
  WORKFLOW_KEYS,
  pinnedWorkflowSchema,
  type WorkflowDefinition,
} from './definition/workflow-definition.ts';

export type { DefinitionError, Violation } from './definition/definition-error.ts';
export type { StepDefinition, WorkflowDefinition } from './definition/workflow-definition.ts';

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
 *
 * `loaded` is for definitions on their way to be registered: the third parties' step kinds that this process has. The
 * declarations of those that are used become part of the document. Without it the value is a registered document, which
 * is taken with the declarations it pins, whatever is loaded here.
 */
export function parseDefinition(value: unknown, loaded?: DeclaredKinds): ParsedDefinition {
  const written = canonicalJson(value);
  if (written === undefined) return refused(jsonProblems(value));
  if (!isJsonObject(value)) return refused([{ path: '', message: 'a definition is an object' }]);
  const pinned: Pinned = loaded === undefined ? { value } : pinKinds(value, loaded);
  const document = pinned.value === value ? written : (canonicalJson(pinned.value) ?? '');
  if (document.length > MAX_DOCUMENT_LENGTH) {
    const message = `a definition has at most ${MAX_DOCUMENT_LENGTH} characters as JSON`;
    return refused([{ path: '', message }]);
  }
  return parseDocument(pinned, document, Object.keys(loaded ?? {}));
}

function parseDocument(
  { value, error }: Pinned,
  document: string,
  loadedKinds: readonly string[],
): ParsedDefinition {
  const ofKinds = error === undefined ? [] : [error];
  const shape = pinnedWorkflowSchema.safeParse(value);
  if (!shape.success)
    return refused([...ofKinds, ...allErrors(value, shape.error.issues, loadedKinds)]);
  const hash = sha256Hex(document);
  const compiled = compilePlan(shape.data, hash, loadedKinds);
  if (!compiled.ok) return { ok: false, errors: [...ofKinds, ...compiled.errors] };
  if (error !== undefined) return refused(ofKinds);
  return { ok: true, definition: shape.data, plan: compiled.plan, document, hash };
}

// What is wrong with the shape, then what is wrong with the meaning of the parts whose shape is right.
function allErrors(
  value: JsonObject,
  issues: readonly z.core.$ZodIssue[],
  loadedKinds: readonly string[],
): DefinitionError[] {
  const own = issues.filter((issue) => !isFollowUp(issue, valueAt(value, issue.path.slice(0, 2))));
  const errors = shapeErrors(own, value, '', keysAt);
  const rest = withoutWrongParts(value, issues);
  const compiled = rest === undefined ? undefined : compilePlan(rest, '', loadedKinds);
  if (compiled?.ok !== false) return errors;
  const places = new Set(formatPaths(issues));
  return [...errors, ...compiled.errors.filter(({ path }) => path === '' || !places.has(path))];
}

function formatPaths(issues: readonly z.core.$ZodIssue[]): string[] {
  return issues.map(({ path }) => formatPath(path));
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
