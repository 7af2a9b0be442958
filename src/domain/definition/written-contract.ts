import { holdsExpression, type Template } from '../expression/template.ts';
import type { Json } from '../json.ts';
import type { DefinitionError } from './definition-error.ts';
import { joinPath } from './json-path.ts';
import type { JsonSchemaValidator } from './json-schema.ts';

/**
 * What can be known of a `with` as written by its JSON Schema: everything but what hangs on the value of an expression.
 * A violation is left out when the part it is about, or a part around it that has one too, holds an expression: there
 * the value may yet choose another branch. What is left out here is found when the step's input is evaluated.
 */
export function checkWrittenContract(
  contract: JsonSchemaValidator,
  written: Json,
  template: Template,
  path: string,
  onError: (error: DefinitionError) => void,
): void {
  const violations = contract.validate(template.constant ?? written);
  const open = template.isConstant ? [] : expressionPlaces(written, '');
  const uncertain = violations
    .map(({ path: place }) => place)
    .filter((place) => open.some((expression) => isWithin(expression, place)));
  for (const { path: place, message } of violations) {
    if (uncertain.some((around) => isWithin(place, around))) continue;
    const separator = place === '' || place.startsWith('[') ? '' : '.';
    onError({ path: `${path}${separator}${place}`, message });
  }
}

function expressionPlaces(value: Json, path: string): string[] {
  if (typeof value === 'string') return holdsExpression(value) ? [path] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    expressionPlaces(item, joinPath(path, Array.isArray(value) ? Number(key) : key)),
  );
}

/** Whether a place is another one, or a part of it. */
function isWithin(place: string, around: string): boolean {
  if (around === '' || place === around) return true;
  return place.startsWith(`${around}.`) || place.startsWith(`${around}[`);
}
