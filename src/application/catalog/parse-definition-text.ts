import { LineCounter, isScalar, parseDocument, visit, type Document } from 'yaml';
import { MAX_DOCUMENT_LENGTH } from '../../domain/definition/definition-limits.ts';
import type { DeclaredKinds } from '../../domain/definition/kind-declaration.ts';
import {
  parseDefinition,
  type DefinitionError,
  type ParsedDefinition,
} from '../../domain/definition.ts';

/** Expansions of one YAML alias: enough for anchors that people write, too few for a bomb. */
const MAX_ALIASES = 100;
/** Places that are named. */
const MAX_REPEATED = 20;

/**
 * Reads a definition from YAML or JSON text (JSON is YAML), to be registered with the declarations of the loaded kinds
 * it uses. All mistakes at once, each with its place.
 */
export function parseDefinitionText(text: string, loaded: DeclaredKinds): ParsedDefinition {
  if (text.length > MAX_DOCUMENT_LENGTH)
    return refuse(`is longer than ${MAX_DOCUMENT_LENGTH} characters`);
  const lineCounter = new LineCounter();
  // The parser compares each key with each, which takes minutes for a large map: `repeatedKeys` looks instead.
  const rules = { version: '1.2', schema: 'core', uniqueKeys: false, lineCounter } as const;
  const document = parseDocument(text, rules);
  // An unknown tag is only a warning to the parser, but its value would not be what its author meant.
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0)
    return {
      ok: false,
      errors: [
        ...bareExpressions(text),
        ...problems.map(({ message, linePos }) => ({
          path: placeOf(linePos?.[0]),
          message: message.split('\n')[0] ?? message,
        })),
      ],
    };
  const repeated = repeatedKeys(document, lineCounter);
  if (repeated.length > 0) return { ok: false, errors: repeated };
  // yaml answers any
  return toPlain(() => document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown, loaded);
}

/** YAML 1.2.2, section 3.2.1.1: the keys of a map differ. Here also as texts, which is what they become. */
function repeatedKeys(document: Document.Parsed, lines: LineCounter): DefinitionError[] {
  const errors: DefinitionError[] = [];
  visit(document, {
    Map: (_, { items }) => {
      const seen = new Set<string>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const name = String(key.value);
        if (seen.has(name) && errors.length < MAX_REPEATED) {
          const path = placeOf(key.range ? lines.linePos(key.range[0]) : undefined);
          errors.push({
            path,
            message: `Map keys must be unique; "${name.slice(0, 100)}" is repeated`,
          });
        }
        seen.add(name);
      }
    },
  });
  return errors;
}

function placeOf(place: { readonly line: number; readonly col: number } | undefined): string {
  return place ? `line ${place.line}, column ${place.col}` : 'document';
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
