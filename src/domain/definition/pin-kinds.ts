import { isJsonObject, type JsonObject } from '../json.ts';
import { canonicalJson } from './canonical-json.ts';
import type { DefinitionError } from './definition-error.ts';
import type { DeclaredKinds, KindDeclaration } from './kind-declaration.ts';

export interface Pinned {
  readonly value: JsonObject;
  readonly error?: DefinitionError;
}

/**
 * The definition with the declarations of the loaded kinds that its steps use, under `kinds`: part of its content, so
 * that a changed declaration is a new version. `kinds` is Baton's to write. What already stands there must be the
 * same, which it is in a registered document that is registered again; anything else is an error, and the loaded
 * declarations are pinned in its place, so that the rest can be checked.
 */
export function pinKinds(definition: JsonObject, loaded: DeclaredKinds): Pinned {
  const { kinds: written, ...rest } = definition;
  const used = usedKinds(rest.steps, loaded);
  const isNone = Object.keys(used).length === 0;
  if (isNone && written === undefined) return { value: definition };
  const value = isNone ? rest : { ...rest, kinds: used };
  if (written === undefined || canonicalJson(written) === canonicalJson(used)) return { value };
  const message =
    'is written by Baton when it registers the definition, and differs from the handlers that are loaded here: leave it out';
  return { value, error: { path: 'kinds', message } };
}

function usedKinds(steps: unknown, loaded: DeclaredKinds): Record<string, KindDeclaration> {
  const used: Record<string, KindDeclaration> = {};
  for (const step of Array.isArray(steps) ? steps : []) {
    const name: unknown = isJsonObject(step) ? step.uses : undefined;
    const declaration =
      typeof name === 'string' && Object.hasOwn(loaded, name) ? loaded[name] : undefined;
    if (typeof name === 'string' && declaration !== undefined) used[name] = declaration;
  }
  return used;
}
