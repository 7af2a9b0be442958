import { assertResultSize } from './cel-values.ts';
import type { DefinitionError } from '../definition/definition-error.ts';
import type { CompiledExpression } from './expression.ts';
import type { ExpressionCache } from './expression-cache.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import { joinPath } from '../definition/json-path.ts';
import type { Evaluation, Scope } from './scope.ts';
import { mayHoldExpression, splitText } from './template-text.ts';

/** A value whose strings may hold `${{ … }}`. Evaluation is pure, bounded, and never throws. */
export interface Template {
  /** Without any expression: always evaluates to the same value. */
  readonly isConstant: boolean;
  /** That value; `undefined` when it is not constant. */
  readonly constant: Json | undefined;
  readonly stepIds: ReadonlySet<string>;
  /** The value may share parts with the scope and with the definition: never change it. */
  evaluate(scope: Scope): Evaluation<Json>;
}

/** Tells the plan where an expression stands, so that it can check what the expression refers to. */
export interface TemplateContext {
  readonly cache: ExpressionCache;
  readonly onError: (error: DefinitionError) => void;
  readonly onExpression: (path: string, expression: CompiledExpression) => void;
}

const NO_STEPS: ReadonlySet<string> = new Set();

type Node = (scope: Scope) => Json;

/** Compiles every string of `value`; `path` is its place in the definition. Mistakes go to `context.onError`. */
export function compileTemplate(value: Json, path: string, context: TemplateContext): Template {
  if (!holdsExpression(value)) return new ConstantTemplate(value);
  const stepIds = new Set<string>();
  const node = compileNode(value, path, {
    ...context,
    onExpression: (place, expression) => {
      for (const id of expression.stepIds) stepIds.add(id);
      context.onExpression(place, expression);
    },
  });
  if (typeof node !== 'function') return new ConstantTemplate(node.constant);
  return {
    isConstant: false,
    constant: undefined,
    stepIds,
    evaluate: (scope) => evaluate(node, scope),
  };
}

class ConstantTemplate implements Template {
  readonly isConstant = true;
  readonly constant: Json;
  readonly stepIds = NO_STEPS;

  constructor(constant: Json) {
    this.constant = constant;
  }

  evaluate(): Evaluation<Json> {
    return { ok: true, value: this.constant };
  }
}

/** Whether any string inside has a `${{`, escaped or not. */
export function holdsExpression(value: Json): boolean {
  if (typeof value === 'string') return mayHoldExpression(value);
  if (Array.isArray(value)) return value.some(holdsExpression);
  if (!isJsonObject(value)) return false;
  for (const key in value) if (holdsExpression(value[key] ?? null)) return true;
  return false;
}

class EvaluationError extends Error {}

function evaluate(node: Node, scope: Scope): Evaluation<Json> {
  try {
    const value = node(scope);
    // Each expression is bounded; many of them together are bounded here.
    assertResultSize(value);
    return { ok: true, value };
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
}

interface Constant {
  readonly constant: Json;
}

function compileNode(value: Json, path: string, context: TemplateContext): Node | Constant {
  if (typeof value === 'string') return compileText(value, path, context);
  if (Array.isArray(value)) {
    return combine(
      value.map((item, at) => compileNode(item, joinPath(path, at), context)),
      (items) => items,
    );
  }
  if (!isJsonObject(value)) return { constant: value };
  const keys = Object.keys(value);
  const nodes = keys.map((key) => compileNode(value[key] ?? null, joinPath(path, key), context));
  return combine(nodes, (items) => toObject(keys, items));
}

function compileText(text: string, path: string, context: TemplateContext): Node | Constant {
  const split = splitText(text);
  if (!split.ok) {
    context.onError({ path, message: split.error });
    return { constant: text };
  }
  const nodes = split.parts.map((part): Node | Constant =>
    part.kind === 'text' ? { constant: part.text } : compilePart(part.source, path, context),
  );
  const [only] = nodes;
  return nodes.length === 1 && only !== undefined ? only : combine(nodes, joinText);
}

function compilePart(source: string, path: string, context: TemplateContext): Node | Constant {
  const compiled = context.cache.compile(source);
  if (!compiled.ok) {
    for (const problem of compiled.problems) context.onError({ path, ...problem });
    return { constant: null };
  }
  const { expression } = compiled;
  context.onExpression(path, expression);
  return (scope) => {
    const result = expression.evaluate(scope);
    if (!result.ok) throw new EvaluationError(result.error);
    return result.value;
  };
}

function combine(
  nodes: readonly (Node | Constant)[],
  build: (values: Json[]) => Json,
): Node | Constant {
  if (nodes.every((node) => typeof node !== 'function')) {
    return { constant: build(nodes.map((node) => node.constant)) };
  }
  return (scope) =>
    build(nodes.map((node) => (typeof node === 'function' ? node(scope) : node.constant)));
}

function joinText(values: readonly Json[]): string {
  return values
    .map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))
    .join('');
}

function toObject(keys: readonly string[], values: readonly Json[]): JsonObject {
  return Object.fromEntries(keys.map((key, at) => [key, values[at] ?? null]));
}
