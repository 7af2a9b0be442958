import { MAX_JSON_DEPTH } from './definition-limits.ts';
import { isJsonObject, type Json } from '../json.ts';

/** Keywords and values of one schema together. */
export const MAX_SCHEMA_NODES = 5_000;
/** The same after every `$ref` is replaced by what it refers to: chains of references that double must not hang. */
export const MAX_EXPANDED_SCHEMA_NODES = 50_000;
/** Characters of one `pattern`. */
const MAX_SCHEMA_PATTERN_LENGTH = 256;

// Other ways to refer, whose cost could not be told here.
const UNSUPPORTED = new Set(['$dynamicRef', '$recursiveRef', '$anchor', '$dynamicAnchor', '$id']);

/** Why a schema would cost too much to compile or to check values with; `undefined` when it is modest. */
export function schemaProblem(schema: Json): string | undefined {
  return new SchemaWeight(schema).problem();
}

class SchemaWeight {
  readonly #root: Json;
  readonly #expanded = new Map<string, number>();
  #nodes = 0;
  #problem: string | undefined;

  constructor(root: Json) {
    this.#root = root;
  }

  problem(): string | undefined {
    const weight = this.#weigh(this.#root, 0);
    if (this.#problem !== undefined) return this.#problem;
    return weight > MAX_EXPANDED_SCHEMA_NODES ? 'the schema is too large' : undefined;
  }

  #weigh(value: Json, depth: number): number {
    this.#nodes += 1;
    if (depth > MAX_JSON_DEPTH || this.#nodes > MAX_SCHEMA_NODES) {
      this.#problem ??= depth > MAX_JSON_DEPTH ? 'nested too deeply' : 'the schema is too large';
      return 1;
    }
    if (Array.isArray(value)) {
      return value.reduce<number>((sum, item) => sum + this.#weigh(item, depth + 1), 1);
    }
    if (!isJsonObject(value)) return 1;
    return Object.entries(value).reduce(
      (sum, [key, item]) => sum + this.#weighKeyword(key, item, depth),
      1,
    );
  }

  #weighKeyword(key: string, value: Json, depth: number): number {
    if (UNSUPPORTED.has(key) && typeof value === 'string') {
      this.#problem ??= `${key} is not supported: refer to "#/$defs/…" instead`;
    }
    if (key === '$ref' && typeof value === 'string') return this.#weighReference(value);
    if (key === 'pattern' && typeof value === 'string') this.#checkPattern(value);
    if (key === 'patternProperties' && isJsonObject(value)) {
      for (const pattern of Object.keys(value)) this.#checkPattern(pattern);
    }
    return this.#weigh(value, depth + 1);
  }

  // A reference back to where we come from counts once: such a schema walks down the value it checks.
  #weighReference(reference: string): number {
    if (reference !== '#' && !reference.startsWith('#/')) {
      this.#problem ??= `$ref "${reference}" is not inside the schema: use "#/$defs/…"`;
      return 1;
    }
    const known = this.#expanded.get(reference);
    if (known !== undefined) return known;
    this.#expanded.set(reference, 1);
    const weight = this.#weigh(this.#resolve(reference), 0);
    this.#expanded.set(reference, weight);
    return weight;
  }

  #resolve(reference: string): Json {
    let value = this.#root;
    for (const part of reference.split('/').slice(1)) {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
      const next = Array.isArray(value)
        ? value[Number(key)]
        : isJsonObject(value)
          ? value[key]
          : undefined;
      if (next === undefined) return null;
      value = next;
    }
    return value;
  }

  #checkPattern(pattern: string): void {
    if (pattern.length > MAX_SCHEMA_PATTERN_LENGTH) {
      this.#problem ??= `a pattern has at most ${MAX_SCHEMA_PATTERN_LENGTH} characters`;
    }
  }
}
