import { parseDocument } from 'yaml';
import { MAX_DOCUMENT_LENGTH } from '../../domain/definition/definition-limits.ts';
import type { DeclaredKinds } from '../../domain/definition/kind-declaration.ts';
import {
  parseDefinition,
  type DefinitionError,
  type ParsedDefinition,
} from '../../domain/definition.ts';

/** Expansions of one YAML alias: enough for anchors that people write, too few for a bomb. */
const MAX_ALIASES = 100;

/**
 * Reads a definition from YAML or JSON text (JSON is YAML), to be registered with the declarations of the loaded kinds
 * it uses. All mistakes at once, each with its place.
 */
export function parseDefinitionText(text: string, loaded: DeclaredKinds): ParsedDefinition {
  if (text.length > MAX_DOCUMENT_LENGTH)
    return refuse(`is longer than ${MAX_DOCUMENT_LENGTH} characters`);
  const document = parseDocument(text, { version: '1.2', schema: 'core', uniqueKeys: true });
  // An unknown tag is only a warning to the parser, but its value would not be what its author meant.
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0)
    return {
      ok: false,
      errors: [
        ...bareExpressions(text),
        ...problems.map(({ message, linePos }) => ({
          path: linePos ? `line ${linePos[0].line}, column ${linePos[0].col}` : 'document',
          message: message.split('\n')[0] ?? message,
        })),
      ],
    };
  // yaml answers any
  return toPlain(() => document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown, loaded);
}

/** In YAML a brace begins a map, also after a dollar: the parser's own words for that are many and lead astray. */
function bareExpressions(text: string): DefinitionError[] {
  const at = text.split('\n').findIndex((line) => /[:[,{]\s*\$\{\{/.test(line));
  const message = 'put quotes around an expression: "${{ … }}"';
  return at < 0 ? [] : [{ path: `line ${at + 1}`, message }];
}

function toPlain(read: () => unknown, loaded: DeclaredKinds): ParsedDefinition {
  let value: unknown;
  try {
    value = read();
  } catch (error) {
    // The parser throws a ReferenceError for too many or unresolved aliases.
    if (error instanceof ReferenceError) return refuse(error.message);
    throw error;
  }
  return parseDefinition(value, loaded);
}

function refuse(message: string): { ok: false; errors: DefinitionError[] } {
  return { ok: false, errors: [{ path: 'document', message }] };
}
