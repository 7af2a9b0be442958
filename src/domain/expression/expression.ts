import { celMap, isCelError, parse, plan, type CelInput, type CelValue } from '@bufbuild/cel';
import { BUDGET, CEL_ENVIRONMENT, specialToText } from './cel-environment.ts';
import { JsonReader, toJson } from './cel-values.ts';
import { ExpressionCheck, statusVariable, type Expr } from './expression-check.ts';
import { MAX_EVALUATION_UNITS, MAX_EXPRESSION_LENGTH } from './expression-limits.ts';
import type { ExpressionProblem } from './expression-names.ts';
import type { Json } from '../json.ts';
import { compilePath } from './path-expression.ts';
import type { Evaluation, Scope } from './scope.ts';

export type { Evaluation, Scope, StepView } from './scope.ts';

/** A checked expression. Evaluation is pure, bounded in work and in size of its result, and never throws. */
export interface CompiledExpression {
  readonly source: string;
  /** Ids of the steps it refers to. */
  readonly stepIds: ReadonlySet<string>;
  /** Calls `failure()` or `always()`. */
  readonly readsFailure: boolean;
  evaluate(scope: Scope): Evaluation<Json>;
}

export type CompiledOrProblems =
  | { readonly ok: true; readonly expression: CompiledExpression }
  | { readonly ok: false; readonly problems: readonly ExpressionProblem[] };

/**
 * Compiles CEL source (without `${{ }}`). Unknown variables, functions and fields, and whatever exceeds the limits of
 * expression-limits.ts, are problems, all of them at once; whether a step exists is for the caller to check.
 */
export function compileExpression(source: string): CompiledOrProblems {
  if (source.trim() === '') return refused({ message: 'the expression is empty' });
  if (source.length > MAX_EXPRESSION_LENGTH) {
    return refused({ message: `an expression has at most ${MAX_EXPRESSION_LENGTH} characters` });
  }
  return compilePath(source) ?? compileCel(source);
}

/** The same expression, whose result must be true or false. */
export function asCondition(expression: CompiledExpression): CompiledExpression {
  const { source, stepIds, readsFailure } = expression;
  const evaluate = (scope: Scope): Evaluation<Json> => {
    const result = expression.evaluate(scope);
    if (!result.ok || typeof result.value === 'boolean') return result;
    // Its kind only: the value may come from the environment.
    return {
      ok: false,
      error: `\`${source}\` must be true or false, but is ${kindOf(result.value)}`,
    };
  };
  return { source, stepIds, readsFailure, evaluate };
}

function kindOf(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Evaluation units spent so far: two readings tell what lies between them cost. */
export function unitsSpent(): number {
  return BUDGET.spent;
}

function compileCel(source: string): CompiledOrProblems {
  const parsed = parseSource(source);
  if (!parsed.ok) return refused({ message: parsed.error });
  const check = new ExpressionCheck();
  check.check(parsed.value);
  if (check.problems.length > 0) return { ok: false, problems: check.problems };
  return { ok: true, expression: new CelExpression(source, parsed.value, check) };
}

class CelExpression implements CompiledExpression {
  readonly source: string;
  readonly stepIds: ReadonlySet<string>;
  readonly readsFailure: boolean;
  readonly #expr: Expr;
  // Planned at the first evaluation: registering a definition needs no plan.
  #program: ReturnType<typeof plan> | undefined;

  constructor(source: string, expr: Expr, check: ExpressionCheck) {
    this.source = source;
    this.stepIds = check.stepIds;
    this.readsFailure = check.statusCalls.has('failure') || check.statusCalls.has('always');
    this.#expr = expr;
  }

  evaluate(scope: Scope): Evaluation<Json> {
    try {
      const value = BUDGET.measure(MAX_EVALUATION_UNITS, () => this.#run(scope));
      return { ok: true, value };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { ok: false, error: `cannot evaluate \`${this.source.trim()}\`: ${reason}` };
    }
  }

  #run(scope: Scope): Json {
    this.#program ??= plan(CEL_ENVIRONMENT, this.#expr);
    const result = this.#program(bindings(scope, this.stepIds));
    if (isCelError(result)) throw result;
    return toJson(result, specialToText);
  }
}

function bindings(scope: Scope, stepIds: ReadonlySet<string>): Record<string, CelInput> {
  const reader = new JsonReader();
  const steps = new Map<string, CelValue>();
  for (const id of stepIds) {
    const step = scope.step(id);
    if (step !== undefined) steps.set(id, reader.read({ ...step }));
  }
  // Without a prototype: CEL looks names up in this object.
  return Object.assign(Object.create(null) as Record<string, CelInput>, {
    input: reader.read(scope.input),
    run: reader.read({ ...scope.run }),
    env: reader.read({ ...scope.env }),
    steps: celMap(steps),
    [statusVariable('success')]: scope.succeeded,
    [statusVariable('failure')]: scope.failed,
    [statusVariable('always')]: true,
  });
}

function parseSource(source: string): Evaluation<Expr> {
  try {
    return { ok: true, value: parse(source).expr };
  } catch (error) {
    if (error instanceof RangeError)
      return { ok: false, error: 'the expression is nested too deeply' };
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, error: `not a CEL expression: ${reason.replace(/^<input>:/, '')}` };
  }
}

function refused(problem: ExpressionProblem): CompiledOrProblems {
  return { ok: false, problems: [problem] };
}
