import { z } from 'zod';
import { checkWrittenContract } from './written-contract.ts';
import type { DefinitionError, Violation } from './definition-error.ts';
import type { Json } from '../json.ts';
import { shapeErrors, valueAt } from './shape-errors.ts';
import type { StepKind } from './step-kind.ts';
import { transformInputSchema } from './step-kinds.ts';
import { holdsExpression, type Template } from '../expression/template.ts';

/** The kind's schema over an evaluated `with`. */
export function checkInput(kind: StepKind, value: Json): readonly Violation[] {
  if (kind.inputContract !== undefined) return kind.inputContract.validate(value);
  const parsed = kind.inputSchema.safeParse(value);
  if (parsed.success) return [];
  return shapeErrors(parsed.error.issues, value, '', () => keysOf(kind)).map(
    ({ path, message, suggestion }) => ({
      path,
      message: suggestion === undefined ? message : `${message}; did you mean "${suggestion}"?`,
    }),
  );
}

/** What can be known of `with` as written: everything but the values of its expressions. */
export function checkWrittenInput(
  kind: StepKind,
  written: Json | undefined,
  template: Template,
  path: string,
  onError: (error: DefinitionError) => void,
): void {
  if (written === undefined) return onError({ path, message: 'is required' });
  if (kind.inputSchema === transformInputSchema) return;
  if (kind.inputContract !== undefined)
    return checkWrittenContract(kind.inputContract, written, template, path, onError);
  const told = kind.checkWritten(written).map((error) => ({
    ...error,
    path: error.path === '' ? path : `${path}.${error.path}`,
  }));
  for (const error of told) onError(error);
  const value = template.constant ?? written;
  const parsed = kind.inputSchema.safeParse(value);
  if (parsed.success) return;
  const known = parsed.error.issues.filter(
    (issue) => template.isConstant || !isOpen(written, issue.path),
  );
  for (const error of shapeErrors(known, value, path, () => keysOf(kind))) {
    const isTold = told.some((one) => one.path === error.path && one.message === error.message);
    if (!isTold) onError(error);
  }
}

// A place whose value, or something around it, is only known after evaluation.
function isOpen(written: Json, path: readonly PropertyKey[]): boolean {
  return (
    path.some((_, at) => isText(valueAt(written, path.slice(0, at)))) ||
    isText(valueAt(written, path))
  );
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && holdsExpression(value);
}

function keysOf({ inputSchema }: StepKind): readonly string[] {
  return inputSchema instanceof z.ZodObject ? Object.keys(inputSchema.shape) : [];
}
