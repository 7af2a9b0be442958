import type { CompiledExpression, CompiledOrProblems } from './expression.ts';
import { checkPath, isVariable } from './expression-names.ts';
import { isJsonObject, type Json } from '../json.ts';
import type { Evaluation, Scope } from './scope.ts';

const PATH = /^\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*$/;
// CEL does not take these as field names everywhere; its own parser decides about them.
const RESERVED = new Set(
  (
    'as break const continue else false for function if import in let loop namespace null package return true ' +
    'var void while'
  ).split(' '),
);

/**
 * A plain path such as `steps.plan.output.files`, read without CEL: most expressions are one, and parsing it here is
 * a hundred times as fast. `undefined`: not a plain path. The result is the same as CEL's.
 */
export function compilePath(source: string): CompiledOrProblems | undefined {
  const [root, ...segments] = PATH.exec(source)?.[1]?.split('.') ?? [];
  if (root === undefined || !isVariable(root)) return undefined;
  if (segments.some((segment) => RESERVED.has(segment))) return undefined;
  const stepIds = new Set<string>();
  const problem = checkPath(root, segments, stepIds);
  if (problem !== undefined) return { ok: false, problems: [problem] };
  return { ok: true, expression: new PathExpression(source, root, segments, stepIds) };
}

class PathExpression implements CompiledExpression {
  readonly source: string;
  readonly stepIds: ReadonlySet<string>;
  readonly readsFailure = false;
  readonly #root: string;
  readonly #segments: readonly string[];

  constructor(
    source: string,
    root: string,
    segments: readonly string[],
    stepIds: ReadonlySet<string>,
  ) {
    this.source = source;
    this.stepIds = stepIds;
    this.#root = root;
    this.#segments = segments;
  }

  evaluate(scope: Scope): Evaluation<Json> {
    let value = this.#start(scope);
    for (const segment of this.#segments) {
      const next =
        isJsonObject(value) && Object.hasOwn(value, segment) ? value[segment] : undefined;
      if (next === undefined) {
        const source = this.source.trim();
        return { ok: false, error: `cannot evaluate \`${source}\`: field not found: ${segment}` };
      }
      value = next;
    }
    return { ok: true, value };
  }

  #start(scope: Scope): Json {
    if (this.#root === 'input') return scope.input;
    if (this.#root === 'run') return { ...scope.run };
    if (this.#root === 'env') return { ...scope.env };
    const steps: { [id: string]: Json } = {};
    for (const id of this.stepIds) {
      const step = scope.step(id);
      if (step !== undefined) steps[id] = { ...step };
    }
    return steps;
  }
}
