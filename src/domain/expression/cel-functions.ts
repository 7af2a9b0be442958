import {
  celFunc,
  celList,
  celMethod,
  CelScalar,
  listType,
  mapType,
  type CelFunc,
  type CelMap,
  type CelValue,
} from '@bufbuild/cel';
import { MAX_MATCHED_LENGTH, MAX_PATTERN_LENGTH, MAX_RESULT_LENGTH } from './expression-limits.ts';

const { BOOL, DOUBLE, DYN, INT, STRING } = CelScalar;
const LIST = listType(DYN);
const MAP = mapType(DYN, DYN);

const ARITHMETIC: readonly (readonly [string, (left: number, right: number) => number])[] = [
  ['_+_', (left, right) => left + right],
  ['_-_', (left, right) => left - right],
  ['_*_', (left, right) => left * right],
  ['_/_', (left, right) => left / right],
  ['_%_', (left, right) => left % right],
];

// JSON does not tell 2 from 2.0, so an int and a double meet where plain CEL would find no overload.
const mixedArithmetic: CelFunc[] = ARITHMETIC.flatMap(([name, apply]) => [
  celFunc(name, [INT, DOUBLE], DOUBLE, (left, right) => apply(Number(left), right)),
  celFunc(name, [DOUBLE, INT], DOUBLE, (left, right) => apply(left, Number(right))),
  celFunc(name, [DOUBLE, DOUBLE], DOUBLE, apply),
]);

/** Functions beyond, or instead of, those of CEL and its `strings` extension. */
export function ownFunctions(toText: (value: CelValue) => string): CelFunc[] {
  return [
    ...mixedArithmetic,
    celFunc('json', [DYN], STRING, toText),
    celMethod('replace', STRING, [STRING, STRING], STRING, function (from, to) {
      return replace(this, from, to, Infinity);
    }),
    celMethod('replace', STRING, [STRING, STRING, INT], STRING, function (from, to, limit) {
      return replace(this, from, to, limit < 0n ? Infinity : Number(limit));
    }),
    celMethod('split', STRING, [STRING, INT], LIST, function (separator, limit) {
      return celList(split(this, separator, Number(limit)));
    }),
    ...keyLookups,
  ];
}

// The package's own `in` says that a key whose value is null is absent.
const keyLookups: CelFunc[] = [STRING, BOOL, INT, DOUBLE].map((type) =>
  celFunc('@in', [type, MAP], BOOL, (key, map: CelMap) => map.get(key) !== undefined),
);

// The package's version copies the text once per occurrence: quadratic.
function replace(text: string, from: string, to: string, limit: number): string {
  const parts = limit === Infinity ? text.split(from) : split(text, from, limit + 1);
  if (text.length + parts.length * to.length > 2 * MAX_RESULT_LENGTH) {
    throw new Error('the text that replace() would answer is too long');
  }
  return from === '' && limit === Infinity ? to + parts.join(to) + to : parts.join(to);
}

// As CEL has it: the last of `limit` parts keeps the rest (the package drops it).
function split(text: string, separator: string, limit: number): string[] {
  if (limit === 0) return [];
  const parts = text.split(separator);
  if (limit < 0 || parts.length <= limit) return parts;
  return [...parts.slice(0, limit - 1), parts.slice(limit - 1).join(separator)];
}

/** Refuses, before they run, calls that are slow or large beyond what their size says. */
export function assertCheap(name: string, target: CelValue | undefined, args: CelValue[]): void {
  const [pattern] = args;
  if (name !== 'matches' || typeof target !== 'string' || typeof pattern !== 'string') return;
  if (target.length > MAX_MATCHED_LENGTH || pattern.length > MAX_PATTERN_LENGTH) {
    throw new Error(
      `matches() takes at most ${MAX_MATCHED_LENGTH} characters and a pattern of ${MAX_PATTERN_LENGTH}`,
    );
  }
}
