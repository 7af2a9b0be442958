import { createHash } from 'node:crypto';
import { MAX_JSON_DEPTH } from './definition-limits.ts';
import type { DefinitionError } from './definition-error.ts';
import { joinPath } from './json-path.ts';

/** Keys through which JavaScript code reaches an object's prototype; no definition needs them. */
export const PROTOTYPE_KEYS: ReadonlySet<string> = new Set([
  '__proto__',
  'constructor',
  'prototype',
]);

/**
 * JSON text with sorted keys and without white space, so that equal values have equal text. Whatever is not
 * plain JSON, is nested deeper than 64, or has a prototype key, is reported with its place in `errors`; the text
 * is then meaningless. Keys whose value is `undefined` are left out, as JSON does.
 */
export function canonicalJson(value: unknown, errors: DefinitionError[]): string {
  return write(value, '', 0, errors);
}

export function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function write(value: unknown, path: string, depth: number, errors: DefinitionError[]): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') {
    return JSON.stringify(value);
  }
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (depth > MAX_JSON_DEPTH) return refuse(path, 'nested too deeply', errors);
  if (Array.isArray(value)) return writeList(value, path, depth, errors);
  if (typeof value === 'object' && isPlain(value)) return writeObject(value, path, depth, errors);
  return refuse(path, `${nameOf(value)} is not a JSON value`, errors);
}

function writeList(
  list: readonly unknown[],
  path: string,
  depth: number,
  errors: DefinitionError[],
): string {
  const parts = list.map((item, at) => write(item, `${path}[${at}]`, depth + 1, errors));
  return `[${parts.join(',')}]`;
}

function writeObject(
  object: object,
  path: string,
  depth: number,
  errors: DefinitionError[],
): string {
  const parts: string[] = [];
  const entries = Object.entries(object) as [string, unknown][];
  for (const [key, item] of entries.sort(byKey)) {
    if (item === undefined) continue;
    const place = joinPath(path, key);
    if (PROTOTYPE_KEYS.has(key)) refuse(place, `the key "${key}" is not allowed`, errors);
    parts.push(`${JSON.stringify(key)}:${write(item, place, depth + 1, errors)}`);
  }
  return `{${parts.join(',')}}`;
}

// By UTF-16 units, as RFC 8785 does: the same order on every machine, whatever its locale.
function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function nameOf(value: unknown): string {
  return typeof value === 'object' ? 'an instance of a class' : String(value);
}

function refuse(path: string, message: string, errors: DefinitionError[]): string {
  errors.push({ path, message });
  return 'null';
}
