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
 * JSON text with sorted keys and without white space, so that equal values have equal text. `undefined` for a value
 * that is not plain JSON, is nested deeper than 64, or has a prototype key: `jsonProblems` tells where. Keys whose
 * value is `undefined` are left out, as JSON does.
 */
export function canonicalJson(value: unknown): string | undefined {
  return write(value, 0);
}

/** Why `canonicalJson` refuses a value, each reason with its place. A second pass, so that the first needs no places. */
export function jsonProblems(value: unknown): DefinitionError[] {
  const problems: DefinitionError[] = [];
  locate(value, '', 0, problems);
  return problems;
}

export function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function write(value: unknown, depth: number): string | undefined {
  if (isScalar(value)) return JSON.stringify(value);
  if (depth > MAX_JSON_DEPTH || typeof value !== 'object' || value === null) return undefined;
  return Array.isArray(value) ? writeList(value, depth) : writeObject(value, depth);
}

function writeList(list: readonly unknown[], depth: number): string | undefined {
  let text = '[';
  for (const item of list) {
    const written = write(item, depth + 1);
    if (written === undefined) return undefined;
    text += text === '[' ? written : `,${written}`;
  }
  return `${text}]`;
}

function writeObject(object: object, depth: number): string | undefined {
  if (!isPlain(object)) return undefined;
  let text = '{';
  // Sorted by UTF-16 units, as RFC 8785 does: the same order on every machine, whatever its locale.
  for (const key of Object.keys(object).sort()) {
    const item = object[key];
    if (item === undefined) continue;
    const written = PROTOTYPE_KEYS.has(key) ? undefined : write(item, depth + 1);
    if (written === undefined) return undefined;
    text += `${text === '{' ? '' : ','}${JSON.stringify(key)}:${written}`;
  }
  return `${text}}`;
}

function locate(value: unknown, path: string, depth: number, problems: DefinitionError[]): void {
  if (isScalar(value)) return;
  if (typeof value !== 'object' || value === null) {
    problems.push({
      path,
      message: `${typeof value === 'number' ? value : typeof value} is not a JSON value`,
    });
  } else if (depth > MAX_JSON_DEPTH) {
    problems.push({ path, message: 'nested too deeply' });
  } else if (Array.isArray(value)) {
    value.forEach((item, at) => locate(item, joinPath(path, at), depth + 1, problems));
  } else if (isPlain(value)) {
    for (const [key, item] of Object.entries(value)) {
      const place = joinPath(path, key);
      if (PROTOTYPE_KEYS.has(key)) {
        problems.push({ path: place, message: `the key "${key}" is not allowed` });
      } else if (item !== undefined) {
        locate(item, place, depth + 1, problems);
      }
    }
  } else {
    problems.push({ path, message: 'an instance of a class is not a JSON value' });
  }
}

function isScalar(value: unknown): boolean {
  return (
    value === null ||
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    (typeof value === 'number' && Number.isFinite(value))
  );
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
