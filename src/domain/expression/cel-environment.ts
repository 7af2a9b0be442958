import {
  celEnv,
  celFunc,
  celList,
  celMethod,
  CelScalar,
  isCelError,
  isCelList,
  isCelMap,
  listType,
  type CelEnv,
  type CelFunc,
  type CelList,
  type CelValue,
} from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { toJson } from './cel-values.ts';
import { assertCheap, ownFunctions } from './cel-functions.ts';
import { EvaluationBudget } from './evaluation-budget.ts';
import { MAX_LOOP_ITEMS, MAX_RESULT_LENGTH } from './expression-limits.ts';

/** Calls that `expression-check` puts into a loop's tree; no source text can spell them. */
export const LOOP_CALLS = {
  /** (condition, units): the condition, at that price. */
  tick: '@tick',
  /** (list or map): the same, if it may be looped over. */
  range: '@range',
  /** (): a list that only the loop knows and `append` may grow in place. */
  list: '@list',
  append: '@append',
} as const;

export const BUDGET = new EvaluationBudget();

const { BOOL, DYN, INT } = CelScalar;
const LIST = listType(DYN);
// Functions whose work grows with the whole depth of their arguments.
const DEEP = new Set(['_==_', '_!=_', '@in', 'format', 'json', 'join']);
// Measured: what goes character by character, or compiles something at every call, costs more than it looks.
const UNITS_PER_CHARACTER: ReadonlyMap<string, number> = new Map([
  ['matches', 4],
  ['int', 1],
  ['uint', 1],
  ['lowerAscii', 1],
  ['upperAscii', 1],
  ['strings.quote', 1],
  ['format', 1],
  ['size', 0.25],
]);
const UNITS_PER_CALL: ReadonlyMap<string, number> = new Map([
  ['format', 500],
  ['timestamp', 50],
  ['duration', 50],
]);
// A time zone is looked up, or a pattern with counted repetition expanded, at every call.
const UNITS_OF_A_ZONE = 4_000;
const UNITS_OF_A_PATTERN = 500;
const UNITS_OF_A_REPETITION = 15_000;

/** Any value as text: strings as they are, timestamps and durations as CEL's `string()`, others as JSON. */
export function toText(value: CelValue): string {
  if (typeof value === 'string') return value;
  const json = toJson(value, specialToText);
  return typeof json === 'string' ? json : JSON.stringify(json);
}

/** Timestamps and durations as text; throws for bytes and types. */
export function specialToText(value: CelValue): string {
  if (value instanceof Uint8Array) throw new Error('bytes cannot become JSON: use string(…)');
  const text = standard.funcs.find('string')?.call(0, undefined, [value]);
  if (typeof text !== 'string') throw new Error('the result is of a kind that cannot become JSON');
  return text;
}

const standard = celEnv({ funcs: [...strings, ...ownFunctions(jsonText)] });

function jsonText(value: CelValue): string {
  return JSON.stringify(toJson(value, specialToText));
}

// Buffers of lists under construction. Growing one in place keeps `map` and `filter` linear; the package's
// `list + [item]` nests one list in another, which is quadratic and overflows the stack at a few thousand.
const buffers = new WeakMap<CelList, CelValue[]>();

const loopFunctions: CelFunc[] = [
  celFunc(LOOP_CALLS.tick, [BOOL, INT], BOOL, (condition, units) => {
    BUDGET.spend(Number(units));
    return condition;
  }),
  celFunc(LOOP_CALLS.range, [DYN], DYN, (range) => {
    if (!isCelList(range) && !isCelMap(range))
      throw new Error('only lists and maps can be looped over');
    if (range.size > MAX_LOOP_ITEMS)
      throw new Error(`a loop goes over at most ${MAX_LOOP_ITEMS} items`);
    BUDGET.spend(range.size);
    return range;
  }),
  celFunc(LOOP_CALLS.list, [], LIST, () => {
    const buffer: CelValue[] = [];
    const list = celList(buffer);
    buffers.set(list, buffer);
    return list;
  }),
  celFunc(LOOP_CALLS.append, [LIST, DYN], LIST, (list, item) => {
    buffers.get(list)?.push(item);
    return list;
  }),
];

/** CEL's standard functions, its `strings` extension and our own, each charged to the budget. */
export const CEL_ENVIRONMENT: CelEnv = celEnv({
  funcs: [...Array.from(standard.funcs, metered), ...loopFunctions],
});

/** Whether, and how, a function can be called: `undefined` for an unknown name. */
export function callShapes(
  name: string,
): readonly { readonly isMethod: boolean; readonly arity: number }[] | undefined {
  const group = standard.funcs.find(name);
  if (group === undefined) return undefined;
  return Array.from(group, (one) => ({
    isMethod: one.target !== undefined,
    arity: one.arguments.length,
  }));
}

/** Names that people can write, for suggestions. */
export const FUNCTION_NAMES: readonly string[] = [
  ...new Set(Array.from(standard.funcs, ({ name }) => name).filter((name) => /^[a-z]/i.test(name))),
];

function metered(original: CelFunc): CelFunc {
  const { name, target, arguments: types, result } = original;
  const call = (self: CelValue | undefined, args: CelValue[]): CelValue => {
    assertCheap(name, self, args);
    BUDGET.spend(unitsOfCall(name, args));
    for (const arg of self === undefined ? args : [self, ...args]) charge(name, arg);
    const answer = original.call(0, self, args);
    // The package found this overload by the same types, so that it cannot refuse them now.
    if (answer === undefined) throw new Error(`${name} does not take these arguments`);
    if (isCelError(answer)) throw answer;
    if (typeof answer === 'string' && answer.length > MAX_RESULT_LENGTH) {
      throw new Error(`${name} answers more than ${MAX_RESULT_LENGTH} characters`);
    }
    return answer;
  };
  return target === undefined
    ? celFunc(name, types, result, (...args: CelValue[]) => call(undefined, args))
    : celMethod(name, target, types, result, function (...args: CelValue[]) {
        return call(this, args);
      });
}

function unitsOfCall(name: string, args: readonly CelValue[]): number {
  if (name.startsWith('get')) return args.length * UNITS_OF_A_ZONE;
  if (name !== 'matches') return UNITS_PER_CALL.get(name) ?? 0;
  const [pattern] = args;
  const isRepeating = typeof pattern === 'string' && pattern.includes('{');
  return isRepeating ? UNITS_OF_A_REPETITION : UNITS_OF_A_PATTERN;
}

function charge(name: string, value: CelValue): void {
  if (typeof value === 'string') {
    return BUDGET.spend(1 + value.length * (UNITS_PER_CHARACTER.get(name) ?? 1 / 16));
  }
  BUDGET.spend(1);
  if (value === null || typeof value !== 'object') return;
  if (DEEP.has(name)) chargeInside(name, value);
  else if (name === '_+_' && isCelList(value)) BUDGET.spend(value.size);
}

function chargeInside(name: string, value: CelValue): void {
  if (isCelList(value)) for (const item of value) charge(name, item);
  else if (isCelMap(value)) for (const item of value.values()) charge(name, item);
}
