import type { parse } from '@bufbuild/cel';
import { callShapes, FUNCTION_NAMES, LOOP_CALLS } from './cel-environment.ts';
import {
  MAX_EXPRESSION_DEPTH,
  MAX_EXPRESSION_NODES,
  MAX_LOOP_NESTING,
} from './expression-limits.ts';
import {
  checkPath,
  isVariable,
  unknownVariable,
  withNearest,
  type ExpressionProblem,
} from './expression-names.ts';

export type Expr = ReturnType<typeof parse>['expr'];
type Comprehension = Extract<Expr['exprKind'], { case: 'comprehensionExpr' }>['value'];
type Call = Extract<Expr['exprKind'], { case: 'callExpr' }>['value'];

/** `success()` … become variables of this name, which no source text can spell. */
export const STATUS_CALLS = ['success', 'failure', 'always'] as const;
export type StatusCall = (typeof STATUS_CALLS)[number];
export function statusVariable(call: StatusCall): string {
  return `@${call}`;
}

// The planner treats these itself; they are in no table of functions.
const OPERATORS = new Set(['_[_]', '_?_:_', '_&&_', '_||_', '@not_strictly_false']);
const TYPE_NAMES = new Set('int uint double bool string bytes list map null_type type'.split(' '));
// The name that CEL's macros give the value a loop builds.
const ACCUMULATOR = '@result';

interface Place {
  readonly loopVariables: readonly string[];
  readonly loops: number;
  readonly depth: number;
}

/**
 * One pass over a syntax tree: refuses unknown names, wrong call shapes and what exceeds the limits, collects the
 * steps it refers to, and rewrites loops so that they are linear and charged to the budget.
 */
export class ExpressionCheck {
  readonly problems: ExpressionProblem[] = [];
  readonly stepIds = new Set<string>();
  readonly statusCalls = new Set<StatusCall>();
  #nodes = 0;

  check(expr: Expr): void {
    this.#visit(expr, { loopVariables: [], loops: 0, depth: 0 });
  }

  #visit(expr: Expr | undefined, outer: Place): void {
    if (expr === undefined || this.#isTooLarge(outer)) return;
    this.#nodes += 1;
    const place = { ...outer, depth: outer.depth + 1 };
    const { exprKind: kind } = expr;
    switch (kind.case) {
      case 'identExpr':
        return this.#visitPath(kind.value.name, [], place);
      case 'selectExpr':
        return this.#visitAccess(expr, kind.value.operand, place);
      case 'callExpr':
        return this.#visitCall(expr, kind.value, place);
      case 'listExpr':
        return kind.value.elements.forEach((element) => this.#visit(element, place));
      case 'structExpr':
        return this.#visitMap(kind.value, place);
      case 'comprehensionExpr':
        return this.#visitLoop(kind.value, place);
      case 'constExpr':
      case undefined:
        return;
    }
  }

  #isTooLarge({ depth, loops }: Place): boolean {
    const reason =
      this.#nodes >= MAX_EXPRESSION_NODES
        ? `the expression has more than ${MAX_EXPRESSION_NODES} parts`
        : depth >= MAX_EXPRESSION_DEPTH
          ? 'the expression is nested too deeply'
          : loops > MAX_LOOP_NESTING
            ? `loops may be nested ${MAX_LOOP_NESTING} deep at most`
            : undefined;
    if (reason !== undefined && !this.problems.some(({ message }) => message === reason)) {
      this.problems.push({ message: reason });
    }
    return reason !== undefined;
  }

  #visitPath(root: string, segments: readonly string[], place: Place): void {
    if (place.loopVariables.includes(root) || root === ACCUMULATOR) return;
    if (TYPE_NAMES.has(root) && segments.length === 0) return;
    const problem = isVariable(root)
      ? checkPath(root, segments, this.stepIds)
      : unknownVariable(root, place.loopVariables);
    if (problem !== undefined) this.problems.push(problem);
  }

  // `a.b` and `a['b']`: a chain of them down to a variable is checked as one path.
  #visitAccess(expr: Expr, operand: Expr | undefined, place: Place): void {
    const path = pathOf(expr);
    if (path === undefined) return this.#visit(operand, place);
    this.#nodes += path.segments.length;
    this.#visitPath(path.root, path.segments, place);
  }

  #visitCall(expr: Expr, call: Call, place: Place): void {
    if (call.function === '_[_]' && pathOf(expr) !== undefined) {
      return this.#visitAccess(expr, undefined, place);
    }
    const status = STATUS_CALLS.find((name) => name === call.function);
    if (status !== undefined && call.target === undefined && call.args.length === 0) {
      this.statusCalls.add(status);
      expr.exprKind = identifier(statusVariable(status)).exprKind;
      return;
    }
    const isQualified = this.#checkFunction(call, place);
    if (!isQualified) this.#visit(call.target, place);
    for (const arg of call.args) this.#visit(arg, place);
  }

  // Answers whether the target is only the first part of a function's name, as in strings.quote(…).
  #checkFunction(call: Call, place: Place): boolean {
    if (OPERATORS.has(call.function)) return false;
    const prefix = call.target === undefined ? undefined : pathOf(call.target);
    const qualified = [prefix?.root, ...(prefix?.segments ?? []), call.function].join('.');
    const isQualified =
      prefix !== undefined &&
      !place.loopVariables.includes(prefix.root) &&
      callShapes(qualified) !== undefined;
    const shapes = callShapes(isQualified ? qualified : call.function);
    const isMethod = call.target !== undefined && !isQualified;
    if (shapes === undefined) {
      const names = [...FUNCTION_NAMES, ...STATUS_CALLS, 'has', 'map', 'filter', 'exists', 'all'];
      this.problems.push(withNearest(`no function "${call.function}"`, call.function, names));
    } else if (!shapes.some((one) => one.isMethod === isMethod && one.arity === call.args.length)) {
      const how = isMethod ? 'as a method with' : 'with';
      this.problems.push({
        message: `the function "${call.function}" cannot be called ${how} ${call.args.length} arguments`,
      });
    }
    return isQualified;
  }

  #visitMap(map: Extract<Expr['exprKind'], { case: 'structExpr' }>['value'], place: Place): void {
    if (map.messageName !== '') {
      this.problems.push({ message: `messages such as ${map.messageName}{} are not supported` });
      return;
    }
    for (const { keyKind, value } of map.entries) {
      if (keyKind.case === 'mapKey') this.#visit(keyKind.value, place);
      this.#visit(value, place);
    }
  }

  #visitLoop(loop: Comprehension, place: Place): void {
    if (isVariable(loop.iterVar)) {
      this.problems.push({ message: `a loop's variable cannot be named "${loop.iterVar}"` });
    }
    this.#visit(loop.iterRange, place);
    const before = this.#nodes;
    const inner = {
      ...place,
      loops: place.loops + 1,
      loopVariables: [...place.loopVariables, loop.iterVar],
    };
    if (!this.#isTooLarge(inner)) this.#visit(loop.loopStep, inner);
    makeLinear(loop);
    if (loop.iterRange !== undefined) loop.iterRange = call(LOOP_CALLS.range, [loop.iterRange]);
    if (loop.loopCondition !== undefined) {
      const units = integer(this.#nodes - before + 1);
      loop.loopCondition = call(LOOP_CALLS.tick, [loop.loopCondition, units]);
    }
  }
}

/** The variable and the constant keys of `a.b['c']`. */
function pathOf(expr: Expr): { root: string; segments: readonly string[] } | undefined {
  const { exprKind: kind } = expr;
  if (kind.case === 'identExpr') return { root: kind.value.name, segments: [] };
  if (kind.case === 'selectExpr') return extend(kind.value.operand, kind.value.field);
  if (kind.case !== 'callExpr' || kind.value.function !== '_[_]') return undefined;
  const [operand, index] = kind.value.args;
  const constant = index?.exprKind.case === 'constExpr' ? index.exprKind.value : undefined;
  if (constant?.constantKind.case !== 'stringValue') return undefined;
  return extend(operand, constant.constantKind.value);
}

function extend(
  operand: Expr | undefined,
  segment: string,
): { root: string; segments: readonly string[] } | undefined {
  const path = operand === undefined ? undefined : pathOf(operand);
  return path && { root: path.root, segments: [...path.segments, segment] };
}

// `map` and `filter` start with [] and add one-item lists to it: build in place instead.
function makeLinear(loop: Comprehension): void {
  const start = loop.accuInit?.exprKind;
  if (start?.case !== 'listExpr' || start.value.elements.length > 0) return;
  loop.accuInit = call(LOOP_CALLS.list, []);
  const step = loop.loopStep?.exprKind;
  if (step?.case !== 'callExpr') return;
  const adding = step.value.function === '_?_:_' ? step.value.args[1]?.exprKind : step;
  if (adding?.case !== 'callExpr' || adding.value.function !== '_+_') return;
  const [accumulator, items] = adding.value.args;
  const item = items?.exprKind.case === 'listExpr' ? items.exprKind.value.elements[0] : undefined;
  if (accumulator === undefined || item === undefined) return;
  adding.value.function = LOOP_CALLS.append;
  adding.value.args = [accumulator, item];
}

function node(exprKind: Expr['exprKind']): Expr {
  return { $typeName: 'cel.expr.Expr', id: 0n, exprKind };
}

function identifier(name: string): Expr {
  return node({ case: 'identExpr', value: { $typeName: 'cel.expr.Expr.Ident', name } });
}

function integer(value: number): Expr {
  return node({
    case: 'constExpr',
    value: {
      $typeName: 'cel.expr.Constant',
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- only other members of this union are deprecated
      constantKind: { case: 'int64Value', value: BigInt(value) },
    },
  });
}

function call(name: string, args: Expr[]): Expr {
  return node({
    case: 'callExpr',
    value: { $typeName: 'cel.expr.Expr.Call', function: name, args },
  });
}
